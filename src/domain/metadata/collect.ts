import { createHash } from 'node:crypto';
import { WeighmarkError } from '../base/errors.ts';
import type { FormatReport } from '../formats/types.ts';
import type { Source } from '../base/source.ts';
import { compareUtf8 } from '../base/paths.ts';
import { readBundle } from './agents.ts';
import { readHeader } from './headers.ts';
import { fact, folderOf, type MetadataFile } from './read.ts';
import { READERS, type ReaderEntry } from './tables.ts';
import { pick, type Fact, type Metadata, type MetadataProblem } from './types.ts';
import { greatest, least } from '../base/lists.ts';

/** Facts of one file, with what decides their precedence. */
interface FileFacts {
  readonly path: string;
  readonly row: number;
  readonly facts: readonly Fact[];
}

/** What one file of the artifact tells; `collect` puts many of them in order. */
export interface FileMetadata {
  readonly found: readonly FileFacts[];
  readonly problems: readonly MetadataProblem[];
}

/**
 * Reads what one file says of the artifact: its header's facts, and those of every reader whose pattern its path
 * matches. A file that is not what its name promises is a problem, never an exception.
 */
export async function readMetadata(path: string, source: Source, report: FormatReport): Promise<FileMetadata> {
  const entries = readersOf(path);
  const header = readHeader(report);
  const bundled = report.format === 'zip' ? await readBundle(path, source) : [];
  const start: FileMetadata = {
    found: [{ path, row: READERS.length, facts: [...header, ...codeFacts(path, report), ...bundled] }],
    problems: [],
  };
  if (entries.length === 0 || report.format === 'lfs-pointer') return start;
  const largest = greatest(entries.map(({ entry }) => entry.maxBytes));
  if (source.size > largest)
    return {
      ...start,
      problems: tooLarge(
        path,
        source.size,
        entries.map(({ entry }) => entry),
      ),
    };
  const file = { path, bytes: await source.read(0, source.size) };
  const read = entries
    .filter(({ entry }) => source.size <= entry.maxBytes)
    .map(({ entry, row }) => attempt(file, entry, row));
  return {
    found: [...start.found, ...read.flatMap(({ found }) => found)],
    problems: read.flatMap(({ problems }) => problems),
  };
}

interface Row {
  readonly entry: ReaderEntry;
  readonly row: number;
}

const NO_READERS: readonly Row[] = [];

function readersOf(path: string): readonly Row[] {
  if (!ANY_READER.some((pattern) => pattern.test(path))) return NO_READERS;
  return [...READERS.entries()].flatMap(([row, entry]) => (entry.pattern.test(path) ? [{ entry, row }] : []));
}

/** All patterns in one for each way of reading case: most of a million names are nobody's. */
const ANY_READER: readonly RegExp[] = [...Map.groupBy(READERS, ({ pattern }) => pattern.flags)].map(
  ([flags, entries]) => new RegExp(entries.map(({ pattern }) => pattern.source).join('|'), flags),
);

/** Files that are only searched are passed over when large; those with a name of their own should not be. */
function tooLarge(path: string, size: number, entries: readonly ReaderEntry[]): readonly MetadataProblem[] {
  const named = entries.some(({ searched }) => searched !== true);
  return named ? [{ path, code: 'limit-exceeded', message: `${size} bytes is too large for a file of this name` }] : [];
}

function attempt(file: MetadataFile, entry: ReaderEntry, row: number): FileMetadata {
  try {
    return { found: [{ path: file.path, row, facts: entry.read(file) }], problems: [] };
  } catch (error) {
    if (!(error instanceof WeighmarkError)) throw error;
    if (entry.searched === true) return { found: [], problems: [] };
    const code = error.code === 'limit-exceeded' ? 'limit-exceeded' : 'format-invalid';
    return { found: [], problems: [{ path: file.path, code, message: error.message }] };
  }
}

/** Python beside weights runs when somebody loads the model with it; shared libraries run when they are linked. */
function codeFacts(path: string, report: FormatReport): readonly Fact[] {
  if (report.format === 'python' || report.format === 'notebook')
    return [fact('role', { path, role: 'custom-code' }, { file: path })];
  if (report.format === 'executable') return [fact('role', { path, role: 'native-code' }, { file: path })];
  return [];
}

/** All facts in order of precedence: nearer the top folder first, then by row of `READERS`, then by path. */
export function collect(files: readonly FileMetadata[], paths: readonly string[]): Metadata {
  const found = notSubmodels(notPackages(files.flatMap((file) => file.found))).filter(({ facts }) => facts.length > 0);
  const sorted = found.toSorted(
    (a, b) => depthOf(a.path) - depthOf(b.path) || a.row - b.row || compareUtf8(a.path, b.path),
  );
  const problems = files.flatMap((file) => file.problems).toSorted((a, b) => compareUtf8(a.path, b.path));
  const facts = sorted.flatMap(({ facts: said }) => said).map((each) => located(each, paths));
  return { facts: ONE_OF_ALL.reduce(unambiguous, facts), problems: unique(problems) };
}

const PACKAGE = /\.dist-info\/METADATA$/;
const PACKAGE_FIELDS: ReadonlySet<string> = new Set([
  'name',
  'version',
  'description',
  'purl',
  'author',
  'licence',
  'reference',
]);

/** A folder with several wheels installed is none of them: what each says of itself is then not said of the artifact. */
function notPackages(found: readonly FileFacts[]): readonly FileFacts[] {
  const several = new Set(found.filter(({ path }) => PACKAGE.test(path)).map(({ path }) => path)).size > 1;
  return several
    ? found.map((file) =>
        PACKAGE.test(file.path)
          ? { ...file, facts: file.facts.filter(({ field }) => !PACKAGE_FIELDS.has(field)) }
          : file,
      )
    : found;
}

const ONE_OF_ALL = ['name', 'version', 'description', 'purl'] as const;

/** A folder of several models is called what none of them is called: their own names, side by side, are not its. */
function unambiguous(facts: readonly Fact[], field: (typeof ONE_OF_ALL)[number]): readonly Fact[] {
  const own = pick(facts, field).map(({ value, source }) => ({ value, path: source.file ?? '' }));
  const top = least(own.map(({ path }) => depthOf(path)));
  const nearest = own.filter(({ path }) => depthOf(path) === top && !PACKAGE.test(path));
  const packaged = own.some(({ path }) => PACKAGE.test(path));
  const several =
    new Set(nearest.map(({ path }) => folderOf(path))).size > 1 && new Set(nearest.map(({ value }) => value)).size > 1;
  return several && !packaged ? facts.filter((each) => each.field !== field) : facts;
}

const CONFIG = /(?:^|\/)(?:config|model_index)\.json$/;

/**
 * A model made of models (diffusers) has a configuration in each folder: only the topmost speaks of the whole. Of the
 * others, and where several stand side by side, the architecture is kept under the folder's name.
 */
function notSubmodels(found: readonly FileFacts[]): readonly FileFacts[] {
  const configs = found.filter(
    ({ path, facts }) => CONFIG.test(path) && facts.some(({ field }) => field === 'architecture' || field === 'family'),
  );
  if (configs.length === 0) return found;
  const top = least(configs.map(({ path }) => depthOf(path)));
  const folders = new Set(configs.filter(({ path }) => depthOf(path) === top).map(({ path }) => folderOf(path)));
  const whole = folders.size === 1 ? [...folders][0] : undefined;
  return found.map((file) =>
    CONFIG.test(file.path) && folderOf(file.path) !== whole
      ? { ...file, facts: file.facts.flatMap((each) => submodelFact(each, folderOf(file.path))) }
      : file,
  );
}

const OF_WHOLE: ReadonlySet<string> = new Set(['family', 'detail', 'quantization', 'baseModel']);

function submodelFact(each: Fact, folder: string): readonly Fact[] {
  if (each.field === 'architecture')
    return [fact('detail', { name: `architecture:${folder.replace(/\/$/, '')}`, value: each.value }, each.source)];
  return OF_WHOLE.has(each.field) ? [] : [each];
}

/** A loose path becomes the one file that ends in it. */
function located(each: Fact, paths: readonly string[]): Fact {
  if ((each.field !== 'digest' && each.field !== 'fileInfo') || each.value.loose !== true) return each;
  const path = each.value.path ?? '';
  const folder = folderOf(each.source.file ?? '');
  const rest = path.slice(folder.length);
  const found = paths.includes(path)
    ? [path]
    : paths.filter((other) => other.startsWith(folder) && other.endsWith(`/${rest}`));
  const [only] = found;
  if (only === undefined || found.length > 1) return each;
  return { ...each, value: { ...each.value, path: only } } as Fact;
}

/** One file may be refused by two readers for one reason. */
function unique(problems: readonly MetadataProblem[]): readonly MetadataProblem[] {
  const seen = new Set<string>();
  return problems.filter(({ path, message }) => !seen.has(`${path}\n${message}`) && seen.add(`${path}\n${message}`));
}

function depthOf(path: string): number {
  return path.split('/').length;
}

const CHUNK = 1 << 20;

/** SHA-1 (plain and as git hashes a blob) and MD5 (plain and as DVC hashed before version 3) of a file, for publishers that state only those. One streaming read. */
export async function otherDigests(
  source: Source,
): Promise<{ readonly sha1: string; readonly gitBlob: string; readonly md5: string; readonly md5Unix: string }> {
  const hashes = {
    sha1: createHash('sha1'),
    gitBlob: createHash('sha1').update(`blob ${source.size}\0`),
    md5: createHash('md5'),
  };
  const md5Unix = createHash('md5');
  for (let offset = 0; offset < source.size; offset += CHUNK) {
    const chunk = await source.read(offset, CHUNK);
    for (const hash of Object.values(hashes)) hash.update(chunk);
    md5Unix.update(chunk.includes(CR) && isDvcText(chunk.subarray(0, 512)) ? withLf(chunk) : chunk);
  }
  return {
    sha1: hashes.sha1.digest('hex'),
    gitBlob: hashes.gitBlob.digest('hex'),
    md5: hashes.md5.digest('hex'),
    md5Unix: md5Unix.digest('hex'),
  };
}

const CR = 13;

/** As DVC tells text, part by part. @see dvc_data/hashfile/istextfile.py */
function isDvcText(block: Uint8Array): boolean {
  const others = block.filter((byte) => (byte < 32 || byte > 126) && !(byte >= 8 && byte <= 13 && byte !== 11));
  return !block.includes(0) && others.length <= block.length * 0.3;
}

function withLf(bytes: Uint8Array): Uint8Array {
  return bytes.filter((byte, at) => byte !== CR || bytes[at + 1] !== 10);
}
