import { fact, field, jsonOf, words, type MetadataFile } from './read.ts';
import type { Fact } from './types.ts';

/** What llama.cpp keeps of the Hub's answer for `-hf ORG/REPO:TAG`. */
export const LLAMA_NOTE = /^manifest=([^=/]+)=([^=/]+)=[^=/]+\.json$/;

/**
 * The file that the answer names, as llama.cpp calls it: `ORG_REPO_FILE`, slashes as `_`.
 * @see https://github.com/ggml-org/llama.cpp/blob/b5000/common/arg.cpp
 */
export function readLlamaNote(file: MetadataFile): readonly Fact[] {
  const [, organization, repository] = LLAMA_NOTE.exec(file.path) ?? [];
  const value = jsonOf(file);
  return ['ggufFile', 'mmprojFile'].flatMap((key) => {
    const about = field(value, key);
    const [name, hex] = [words(field(about, 'rfilename')), words(field(field(about, 'lfs'), 'sha256'))];
    if (name === undefined || hex === undefined || !/^[0-9a-f]{64}$/.test(hex)) return [];
    const path = `${organization ?? ''}_${repository ?? ''}_${name.replaceAll('/', '_')}`;
    const source = { file: file.path, pointer: `/${key}/lfs/sha256` };
    return [fact('digest', { path, algorithm: 'sha256', hex, recordedBy: 'llama.cpp' }, source)];
  });
}
