import type { OmsManifest } from '../../domain/claims/oms.ts';
import { differingRanges } from '../../domain/digest/differing.ts';
import { isHex256 } from '../../domain/digest/hex.ts';
import type { Lookup } from '../../domain/base/by-path.ts';
import type { ListedFile } from '../../domain/digest/list.ts';
import { outboardPlace } from '../../domain/digest/outboard.ts';
import { provenSource, type ByteRange } from '../../domain/digest/proven.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { bytesSource, cachedSource, type Source } from '../../domain/base/source.ts';
import { isUnsafePath } from '../../domain/formats/archive-path.ts';
import { placeOf } from '../../domain/formats/place.ts';
import type { FormatId, NamedSource, TensorTable } from '../../domain/formats/types.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import type { OpenFile, TreeEntry } from '../../domain/ports/files.ts';
import { sidecarsOf } from '../../domain/base/paths.ts';
import { globMatches } from '../../domain/base/glob.ts';
import { counted, formatBytes } from '../../domain/base/units.ts';
import { findingOf, type Evidence, type Finding } from '../../domain/base/verdict.ts';
import type { HashTreePorts } from '../content/hash-tree.ts';
import { firstOf, least } from '../../domain/base/lists.ts';

export interface PartQuestion {
  /** Absolute. */
  readonly root: string;
  readonly kind: 'file' | 'directory';
  readonly manifest: OmsManifest;
  readonly pairs: Lookup<ListedFile> | null;
  readonly allowSymlinks: boolean;
  /** `FILE#TENSORS` (a glob of tensor names) or `FILE#bytes=START-END` (END not included). */
  readonly only: string;
}

export interface ProvenParts {
  readonly evidence: readonly Evidence[];
  readonly findings: readonly Finding[];
}

interface Part {
  readonly path: string;
  readonly selector: string;
  /** Signed BLAKE3 of the whole file, 32 bytes. */
  readonly root: Uint8Array;
}

interface Selected extends ByteRange {
  readonly name: string;
}

/**
 * Proves parts of one signed file against its signed BLAKE3, reading little more than the parts: first the length, then
 * the format's header, then what it says where the tensors are (security rule 10). Without an outboard the whole file is
 * read. Null if `only` names no part but files.
 * @throws WeighmarkError `usage` if the signature holds no BLAKE3 of the file, `not-found` if nothing is so named.
 */
export async function verifyPart(question: PartQuestion, ports: HashTreePorts): Promise<ProvenParts | null> {
  const part = partOf(question);
  if (part === null) return null;
  const entry = await entryOf(part.path, question, ports);
  const file = await ports.files.open(entry.location, { followLink: question.allowSymlinks });
  let path = part.path;
  try {
    const { evidence, elsewhere } = await proveParts(part, { entry, file, question }, ports);
    await file.close();
    const further: Evidence[] = [];
    for (const beside of elsewhere) {
      path = besidePath(part, beside);
      further.push(await proveBeside(part, beside, question, ports));
    }
    return { evidence: [...evidence, ...further], findings: [] };
  } catch (error) {
    await file.close().catch(() => undefined);
    if (error instanceof WeighmarkError && ['interrupted', 'usage', 'not-found'].includes(error.code)) throw error;
    const { message, ...finding } = findingOf(error);
    return { evidence: [], findings: [{ ...finding, message: `${path}: ${message}`, subject: path }] };
  }
}

/** At the first `#` after the name of a signed file; a file whose whole name has one is a file. */
function partOf({ only, manifest, root, kind, pairs }: PartQuestion): Part | null {
  const own = root.slice(root.lastIndexOf('/') + 1);
  const signedPath = (path: string) => (kind === 'file' && path === own ? '.' : path);
  const resource = (path: string) => manifest.resources.find((each) => each.path === signedPath(path));
  if (resource(only) !== undefined) return null;
  for (let at = only.indexOf('#'); at !== -1; at = only.indexOf('#', at + 1)) {
    const path = only.slice(0, at);
    const signed = resource(path);
    if (signed === undefined) continue;
    const blake3 =
      manifest.algorithm === 'blake3' && manifest.shardBytes === null ? signed.digest : pairs?.get(path)?.blake3;
    if (!isHex256(blake3))
      throw new WeighmarkError('usage', 'parts are proven by a signed BLAKE3, and this signature has none', {
        hint: `verify the whole file: \`--only ${path}\``,
      });
    return { path, selector: only.slice(at + 1), root: Buffer.from(blake3, 'hex') };
  }
  if (only.includes('#'))
    throw new WeighmarkError('not-found', `no signed file is named ${only.slice(0, only.indexOf('#'))}`, {
      subject: only,
    });
  return null;
}

function besidePath({ path }: Part, { file }: Beside): string {
  return `${path.slice(0, path.lastIndexOf('/') + 1)}${file}`;
}

/** Parts of another file, of which a proven one says that they hold its tensors: that one must be signed, too. */
async function proveBeside(
  part: Part,
  beside: Beside,
  question: PartQuestion,
  ports: HashTreePorts,
): Promise<Evidence> {
  const path = besidePath(part, beside);
  if (isUnsafePath(beside.file))
    throw new WeighmarkError('name-unsafe', `its tensors are said to lie in ${beside.file}`, { subject: beside.file });
  const other = partOf({ ...question, only: `${path}#` });
  if (other === null) throw new WeighmarkError('not-found', `no signed file is named ${path}`, { subject: path });
  const entry = await entryOf(path, question, ports);
  const file = await ports.files.open(entry.location, { followLink: question.allowSymlinks });
  try {
    const outboard = await openOutboard(other, { entry, file, question }, ports);
    try {
      const { tree } = await ports.hasher();
      const proven = await provenSource({ content: file, outboard: outboard.source, root: other.root, tree });
      const ranges = beside.ranges.map((range) => byteRange(range.name, range, proven.size));
      for (const range of ranges) await readThrough(proven, range, ports.signal);
      const shown = { path, selector: part.selector };
      return evidenceOf(shown, ranges, { sizeBytes: entry.sizeBytes, whole: outboard.whole });
    } finally {
      await outboard.close();
    }
  } finally {
    await file.close();
  }
}

/** The file as the walk finds it, so that no link leads elsewhere. */
async function entryOf(
  path: string,
  { root, manifest, allowSymlinks }: PartQuestion,
  ports: HashTreePorts,
): Promise<TreeEntry> {
  const tree = await ports.files.walk(root, {
    allowSymlinks: allowSymlinks || manifest.allowSymlinks,
    ignore: [...manifest.ignorePaths],
  });
  const entry = tree.entries.find((each) => each.path === path);
  if (entry === undefined)
    throw new WeighmarkError('file-missing', `${path} was signed and is not there`, { subject: path });
  return entry;
}

interface Opened {
  readonly entry: TreeEntry;
  readonly file: OpenFile;
  readonly question: PartQuestion;
}

interface Proven {
  readonly evidence: readonly Evidence[];
  readonly elsewhere: readonly Beside[];
}

/** Tensors of one file that lie in another. */
interface Beside {
  readonly file: string;
  readonly ranges: readonly Selected[];
}

async function proveParts(part: Part, { entry, file, question }: Opened, ports: HashTreePorts): Promise<Proven> {
  const outboard = await openOutboard(part, { entry, file, question }, ports);
  const hasher = await ports.hasher();
  try {
    const proven = await provenSource({ content: file, outboard: outboard.source, root: part.root, tree: hasher.tree });
    const { here, elsewhere } = await select(part, proven);
    for (const range of here) await readThrough(proven, range, ports.signal);
    const evidence = evidenceOf(part, here, { sizeBytes: entry.sizeBytes, whole: outboard.whole });
    return { evidence: here.length === 0 ? [] : [evidence], elsewhere };
  } finally {
    await outboard.close();
  }
}

interface OpenedOutboard {
  readonly source: Source;
  /** True if the whole file was read to make it. */
  readonly whole: boolean;
  close(): Promise<void>;
}

async function openOutboard(
  { path }: Part,
  { entry, file, question }: Opened,
  ports: HashTreePorts,
): Promise<OpenedOutboard> {
  const place = outboardPlace(sidecarsOf(question).folder, path);
  if ((await ports.files.kindOf(place)) === 'file') {
    const stored = await ports.files.open(place);
    return { source: stored, whole: false, close: () => stored.close() };
  }
  const { location, sizeBytes } = entry;
  const signal = ports.signal === undefined ? {} : { signal: ports.signal };
  const followLink = question.allowSymlinks ? { followLink: true } : {};
  const [hashed] = await (
    await ports.hasher()
  ).hash([{ location, sizeBytes, stamp: file.stamp, ...followLink }], {
    algorithms: ['blake3'],
    outboardFromBytes: 0,
    ...signal,
  });
  return { source: bytesSource(hashed?.outboard ?? new Uint8Array()), whole: true, close: async () => undefined };
}

async function select({ path, selector }: Part, proven: Source): Promise<{ here: Selected[]; elsewhere: Beside[] }> {
  const [, start, end] = /^bytes=(\d{1,16})-(\d{1,16})$/.exec(selector) ?? [];
  if (start !== undefined && end !== undefined) {
    const bytes = byteRange(selector, { start: Number(start), end: Number(end) }, proven.size);
    if (bytes.start === bytes.end)
      throw new WeighmarkError('usage', `${selector} names no byte`, { subject: selector });
    return { here: [bytes], elsewhere: [] };
  }
  const { format, table } = await tensorTable({ path, source: proven });
  const placed = (table?.items ?? []).flatMap((tensor) => {
    const place = placeOf(format, tensor);
    return place === null ? [] : [{ name: tensor.name, ...place }];
  });
  const found = placed.filter(({ name }) => globMatches(selector, name));
  if (placed.length === 0)
    throw new WeighmarkError('usage', `${path} has no tensors that lie in one stretch`, {
      hint: `name bytes: \`--only '${path}#bytes=0-1024'\``,
    });
  if (found.length === 0) throw noSuchTensor(path, selector, placed.length, table?.truncated === true);
  const here = found.filter(({ file }) => file === undefined);
  const others = Map.groupBy(found, ({ file }) => file ?? '');
  others.delete('');
  return {
    here: here.map((each) => byteRange(each.name, each, proven.size)),
    elsewhere: [...others].map(([file, ranges]) => ({ file, ranges })),
  };
}

function noSuchTensor(path: string, selector: string, count: number, truncated: boolean): WeighmarkError {
  const star = selector.includes('*') && !selector.includes('**') ? '; `*` stops at `/`, `**` does not' : '';
  return new WeighmarkError('not-found', `none of the ${count} tensors of ${path} is named ${selector}`, {
    subject: selector,
    hint: `\`weighmark inspect -v\` lists them${truncated ? ', the first of them' : ''}${star}`,
  });
}

/** The two usual formats by name, without loading the readers of all others. */
async function tensorTable({ path, source }: NamedSource): Promise<{ format: FormatId; table?: TensorTable }> {
  const file = { path, source: cachedSource(source) };
  const { format, tensors } = path.endsWith('.safetensors')
    ? await (await import('../../domain/formats/safetensors.ts')).readSafetensors(file)
    : path.endsWith('.gguf')
      ? await (await import('../../domain/formats/gguf.ts')).readGguf(file)
      : await (await import('../../domain/formats/index.ts')).readFormat(file, { countRows: false });
  return tensors === undefined ? { format } : { format, table: tensors };
}

function byteRange(name: string, { start, end }: ByteRange, size: number): Selected {
  if (start > end || end > size)
    throw new WeighmarkError('not-found', `${name} is not within the file's ${size} bytes`);
  return { name, start, end };
}

const WINDOW_BYTES = 1 << 20;

async function readThrough(proven: Source, { start, end }: ByteRange, signal?: AbortSignal): Promise<void> {
  for (let at = start; at < end;) {
    signal?.throwIfAborted();
    const next = Math.min(end, (Math.floor(at / WINDOW_BYTES) + 1) * WINDOW_BYTES);
    await proven.read(at, next - at);
    at = next;
  }
}

function evidenceOf(
  { path, selector }: Pick<Part, 'path' | 'selector'>,
  selected: readonly Selected[],
  read: { sizeBytes: number; whole: boolean },
): Evidence {
  const bytes = selected.reduce((sum, { start, end }) => sum + end - start, 0);
  const [first] = selected;
  const what =
    first !== undefined && selected.length === 1 ? first.name : `${counted(selected.length, 'tensor')} (${selector})`;
  return {
    what: `${what} of ${path}, ${formatBytes(bytes)} of ${formatBytes(read.sizeBytes)} (blake3${read.whole ? ', no outboard: all of it was read' : ''})`,
    data: {
      path,
      parts: selected.slice(0, LIMITS.partsListed).map(({ name, start, end }) => ({ name, start, end })),
      bytes,
    },
  };
}

/**
 * Where a changed file differs from what was signed, for people: tensors if the header is unchanged, else blocks of bytes.
 * Null if there is no outboard that leads to the signed digest, or the length differs.
 */
export async function describeDifference(
  changed: { root: string; kind: 'file' | 'directory'; entry: TreeEntry; blake3: string; followLink: boolean },
  ports: HashTreePorts,
): Promise<string | null> {
  const { entry, blake3 } = changed;
  try {
    const signed = await ports.files.readIfThere(
      outboardPlace(sidecarsOf(changed).folder, entry.path),
      LIMITS.outboardBytes,
    );
    if (signed === null) return null;
    const hasher = await ports.hasher();
    const [found] = await hasher.hash(
      [{ location: entry.location, sizeBytes: entry.sizeBytes, stamp: entry.stamp, followLink: changed.followLink }],
      { algorithms: ['blake3'], outboardFromBytes: 0 },
    );
    const ranges = differingRanges({ signed, found: found?.outboard ?? new Uint8Array() }, Buffer.from(blake3, 'hex'), {
      sizeBytes: entry.sizeBytes,
      tree: hasher.tree,
    });
    return ranges.length === 0 ? null : nameRanges(ranges, await tensorsOf(entry, ranges, changed.followLink, ports));
  } catch {
    return null;
  }
}

/** None where the header itself may differ, which a block that begins in it cannot tell: then it is not known what the bytes are. */
async function tensorsOf(
  entry: TreeEntry,
  ranges: readonly ByteRange[],
  followLink: boolean,
  ports: HashTreePorts,
): Promise<readonly Selected[]> {
  const file = await ports.files.open(entry.location, { followLink });
  try {
    const { format, table } = await tensorTable({ path: entry.path, source: file });
    const tensors = (table?.items ?? []).flatMap((tensor) => {
      const place = placeOf(format, tensor);
      return place === null || place.file !== undefined
        ? []
        : [{ name: tensor.name, start: place.start, end: place.end }];
    });
    const first = least(tensors.map(({ start }) => start));
    if (ranges.some(({ start }) => start < first)) return [];
    return tensors.filter((tensor) => ranges.some((range) => tensor.start < range.end && range.start < tensor.end));
  } finally {
    await file.close();
  }
}

const SHOWN = 3;

function nameRanges(ranges: readonly ByteRange[], tensors: readonly Selected[]): string {
  const names =
    tensors.length > 0 ? tensors.map(({ name }) => name) : ranges.map(({ start, end }) => `bytes ${start} to ${end}`);
  return firstOf(names, SHOWN);
}
