import { isWrapper, unwrap } from '../../formats/compressed/unwrap.ts';
import type { Source } from '../../base/source.ts';
import { formatOfName } from '../../formats/names.ts';
import type { NamedSource } from '../../formats/types.ts';
import { leaveOut, report, type Spot } from '../session.ts';
import { unreadable } from './closed.ts';
import type { JudgeOptions } from './judge.ts';

/** A compressed file: its content is a file of the same name without the wrapper's extension. */
export async function judgeWrapped(
  spot: Spot,
  { path, source }: NamedSource,
  { format: wrapper }: JudgeOptions,
): Promise<boolean> {
  if (!isWrapper(wrapper)) return false;
  const opened = await unwrap(source, wrapper, spot.session.budget.inflatedBytes);
  if (opened === null)
    return (
      (formatOfName(path) === wrapper || (await isSurely(source, wrapper))) &&
      unreadable(spot, `no readable ${wrapper} data`)
    );
  spot.session.budget.inflatedBytes -= opened.source.size;
  const at: Spot = {
    ...spot,
    member: spot.member === '' ? `(${wrapper})` : `${spot.member}!/(${wrapper})`,
    depth: spot.depth + 1,
  };
  if (opened.cut !== undefined) leaveOut(at, opened.cut);
  if (opened.bomb === true) report(at, 'WM-ARCHIVE-011', opened.cut ?? '');
  await spot.session.examine(at, { path: innerName(path), source: opened.source });
  return true;
}

/** Magics long enough not to be chance: what bears one and cannot be opened may be opened by another reader. */
const MAGIC: Readonly<Partial<Record<JudgeOptions['format'], RegExp>>> = {
  gzip: /^1f8b08/,
  xz: /^fd377a585a00/,
  bzip2: /^425a683[1-9]314159265359/,
  zstd: /^28b52ffd/,
  lz4: /^04224d18/,
};

async function isSurely(source: Source, wrapper: JudgeOptions['format']): Promise<boolean> {
  return MAGIC[wrapper]?.test(Buffer.from(await source.read(0, 10)).toString('hex')) === true;
}

/** `model.tar.gz` holds `model.tar`, `model.tgz` too; `model.joblib` holds a pickle. */
function innerName(path: string): string {
  if (/\.tgz$/i.test(path)) return path.replace(/\.tgz$/i, '.tar');
  return path.replace(/\.(gz|bz2|xz|lzma|zst|lz4|z)$/i, '');
}
