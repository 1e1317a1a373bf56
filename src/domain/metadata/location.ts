import { huggingFacePurl } from '../bom/purl.ts';
import { fact, maybe } from './read.ts';
import type { Fact } from './types.ts';

const SNAPSHOT = /(?:^|[/\\])(models|datasets)--([A-Za-z0-9][\w.-]*?)--([A-Za-z0-9][\w.-]*)[/\\]snapshots[/\\]([0-9a-f]{40})[/\\]?$/;

/** A Hugging Face cache names repository and commit in its folders: `models--org--name/snapshots/<commit>`. */
export function locationFacts(root: string): readonly Fact[] {
  const [, kind, organization, name, commit] = SNAPSHOT.exec(root) ?? [];
  if (organization === undefined || name === undefined || commit === undefined) return [];
  const id = `${organization}/${name}`;
  const source = { pointer: 'Hugging Face cache folder' };
  const purl = kind === 'models' ? huggingFacePurl(id, commit) : undefined;
  const url = `https://huggingface.co/${kind === 'datasets' ? 'datasets/' : ''}${id}/tree/${commit}`;
  return [
    fact('name', id, source),
    fact('version', commit, source),
    ...maybe('purl', purl, source),
    fact('reference', { type: 'distribution', url }, source),
  ];
}
