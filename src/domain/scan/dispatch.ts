import { detect, formatOfName, type FormatId, type NamedSource } from '../formats/index.ts';
import { WeighmarkError } from '../base/errors.ts';
import { windowSource, type Source } from '../base/source.ts';
import { readLiteRtLm } from '../formats/litert-lm.ts';
import { splitArchives } from '../formats/torch-dcp.ts';
import { isWrapper, unwrap } from '../formats/compressed/unwrap.ts';
import { judgeTar } from './containers/tar.ts';
import { judgeZip, type ZipContent } from './containers/zip.ts';
import { probeExecutable, probeMore } from './probe.ts';
import { judgeNames } from './mismatch.ts';
import { judgeByName, judgeHdf5Text } from './formats/carve.ts';
import { judgeNpy } from './formats/npy.ts';
import { judgeRData } from './formats/r-data.ts';
import { judgeStructure } from './formats/structure.ts';
import { isTextFormat } from './text/formats.ts';
import { judgeArchiveKind } from './formats/archives.ts';
import { judgePickles } from './pickle/judge.ts';
import { inside, leaveOut, newSession, report, type Setting, type Spot } from './session.ts';
import { atLeast } from './types.ts';

const DEPTH = 6;

/** Examines a file or member as every format its content matches, by bytes first and name second. */
export async function examine(spot: Spot, file: NamedSource, setting: Setting = {}): Promise<void> {
  if (spot.depth > DEPTH) return tooDeep(spot);
  if (setting.rawData === true) return examineRaw(spot, file);
  const { matches, named } = await detect(file);
  const formats = await probeMore(file, matches);
  for (const format of formats) spot.session.formats.add(format);
  const confirmed = new Set<FormatId>();
  for (const format of formats) if (await judgeSafely(format, spot, file, setting)) confirmed.add(format);
  if (confirmed.size === 0 && /\.pb$/i.test(file.path)) await judgeHdf5Text(spot, file.source);
  await judgeByName(spot, file);
  judgeNames(spot, file, { named, confirmed: [...confirmed] });
}

function tooDeep(spot: Spot): void {
  report(spot, 'WM-ARCHIVE-013', `archives nested deeper than ${DEPTH}`);
  leaveOut(spot, `nested deeper than ${DEPTH}`);
}

/** What breaks one reader must not keep the others from looking: it is left out, and said. */
async function judgeSafely(format: FormatId, spot: Spot, file: NamedSource, setting: Setting): Promise<boolean> {
  try {
    return await judgeAs(format, spot, file, setting);
  } catch (error) {
    if (error instanceof WeighmarkError && READING.has(error.code)) throw error;
    const message = error instanceof Error ? error.message : String(error);
    report(spot, 'WM-FILE-006', `as ${format}: ${message}`);
    leaveOut(spot, message);
    return true;
  }
}

const READING: ReadonlySet<string> = new Set(['file-changed', 'unreadable', 'interrupted', 'not-found']);

/** False if the content turned out not to be of this format after all. */
async function judgeAs(format: FormatId, spot: Spot, file: NamedSource, setting: Setting): Promise<boolean> {
  const { source } = file;
  if (format === 'pickle' || format === 'joblib') return judgePickleFile(spot, file, setting);
  if (format === 'torch-legacy') return (await judgePickles(spot, source, { dataFollows: true })).length > 0;
  if (format === 'zip') return judgeZipFile(spot, file);
  if (format === 'torch-dcp') return judgeZipRow(spot, file);
  if (format === 'tar') return judgeTarFile(spot, source);
  if (isWrapper(format)) return judgeWrapped(spot, file, format);
  if (CLOSED.has(format)) return judgeClosed(spot, file, format);
  if (format === 'r-data') return judgeRData(spot, source).then(() => true);
  if (format === 'npy') return judgeNpy(spot, source);
  if (format === 'executable' || format === 'script') return judgeProgram(spot, file, format);
  if (format === 'lfs-pointer') return judgePointer(spot);
  if (isTextFormat(format))
    return setting.torchScript === true && /(^|\/)code\/.*\.py$/.test(file.path)
      ? true
      : judgeAsText(spot, file, format);
  if (format === 'litert-lm') return judgeSections(spot, file);
  return judgeStructure(spot, file, format);
}

/** The header, and then every section as the file it is. */
async function judgeSections(spot: Spot, file: NamedSource): Promise<boolean> {
  const { members = [] } = await readLiteRtLm(file);
  for (const { name, sizeBytes } of members) {
    const start = Number(name.slice(name.lastIndexOf('@') + 1));
    await examine(inside(spot, name), { path: '', source: windowSource(file.source, start, sizeBytes) });
  }
  return judgeStructure(spot, file, 'litert-lm');
}

/** Loaded when there is text: YAML and all that is known of secrets and code take a third of the start of a hook. */
async function judgeAsText(spot: Spot, file: NamedSource, format: FormatId): Promise<boolean> {
  const { judgeText } = await import('./text/judge.ts');
  return judgeText(spot, file, format);
}

/** A pickle by its first byte only is one if it can be read to its end, or does something on the way. */
async function judgePickleFile(spot: Spot, { path, source }: NamedSource, setting: Setting): Promise<boolean> {
  const promised =
    ['pickle', 'joblib', 'torch-zip', 'torchscript'].includes(formatOfName(path) ?? '') ||
    /\.(bin|dat|data|model|sav|p|pk)$/i.test(path) ||
    spot.session.formats.size <= 1;
  const session = newSession(spot.session.path, examine);
  const streams = await judgePickles({ ...spot, session }, source, setting);
  const complete = streams.some(
    (stream) => stream.complete && (stream.protocol > 0 || stream.globals.length > 0 || stream.end === source.size),
  );
  const acts = session.findings.some((finding) => atLeast(finding.severity, 'high'));
  if (!complete && !acts && !(promised && startsWithProto(await source.read(0, 2)))) return false;
  merge(spot, session);
  return true;
}

function startsWithProto([first, second = 255]: Uint8Array): boolean {
  return first === 0x80 && second <= 5;
}

/** Tensor bytes inside an archive: only what would do harm counts. */
async function examineRaw(spot: Spot, file: NamedSource): Promise<void> {
  const head = await file.source.read(0, 16);
  if (startsWithProto(head) || head[0] === 0x63 || head[0] === 0x28) {
    const session = newSession(spot.session.path, examine);
    await judgePickles({ ...spot, session }, file.source, { aside: true, dataFollows: true });
    for (const { rule, message, severity, place } of session.findings) {
      if (severity === 'critical') report(spot, rule, message, { severity, offset: place.offset ?? 0 });
    }
  }
  const program = await probeExecutable(file.source);
  if (program !== null) report(spot, 'WM-FILE-003', `data that no program belongs to is ${program}`);
}

function merge(spot: Spot, from: ReturnType<typeof newSession>): void {
  for (const { rule, message, severity, place } of from.findings)
    report(spot, rule, message, { severity, ...(place.offset === undefined ? {} : { offset: place.offset }) });
  spot.session.unexamined.push(...from.unexamined);
  if (spot.session.weightsOnly?.loads !== false && from.weightsOnly !== undefined)
    spot.session.weightsOnly = from.weightsOnly;
}

async function judgeZipFile(spot: Spot, file: NamedSource): Promise<boolean> {
  const content = await judgeZip(spot, file.source);
  const head = await file.source.read(0, 4);
  const magic = head[0] === 0x50 && head[1] === 0x4b && (head[2] ?? 9) < 9;
  if (content === null) return magic && unreadable(spot, 'a zip file without a usable directory');
  if (!magic)
    report(spot, 'WM-ARCHIVE-007', 'the file does not start as the zip archive it ends as', { severity: 'medium' });
  await judgeArchiveKind(spot, content);
  for (const member of content.members)
    await examine(
      inside(spot, member.name),
      { path: member.name, source: member.source },
      settingOf(content, member.name),
    );
  return true;
}

/** A `.distcp` file is a row of complete zip files: each is judged as one, and bytes that belong to none are not there. */
async function judgeZipRow(spot: Spot, file: NamedSource): Promise<boolean> {
  const stretches = await splitArchives(file.source);
  if (stretches === null) return judgeZipFile(spot, file);
  for (const { start, end } of stretches)
    await judgeZipFile(stretches.length === 1 ? spot : inside(spot, `(zip at ${start})`), {
      path: file.path,
      source: windowSource(file.source, start, end - start),
    });
  return true;
}

function settingOf({ torchScript }: ZipContent, name: string): Setting {
  return {
    torchScript,
    rawData: /(^|\/)(data|constants)\/((weights|constants)\/)?[\w.-]+$/.test(name) && !/\.\w{2,}$/.test(name),
  };
}

async function judgeTarFile(spot: Spot, source: Source): Promise<boolean> {
  const members = await judgeTar(spot, source);
  for (const { name, source: content } of members ?? [])
    await examine(inside(spot, name), { path: name, source: content });
  return members !== null;
}

/** A compressed file: its content is a file of the same name without the wrapper's extension. */
async function judgeWrapped(spot: Spot, { path, source }: NamedSource, wrapper: FormatId): Promise<boolean> {
  if (!isWrapper(wrapper)) return false;
  const opened = await unwrap(source, wrapper, spot.session.budget.inflatedBytes);
  if (opened === null) return formatOfName(path) === wrapper && unreadable(spot, `no readable ${wrapper} data`);
  spot.session.budget.inflatedBytes -= opened.source.size;
  const at: Spot = {
    ...spot,
    member: spot.member === '' ? `(${wrapper})` : `${spot.member}!/(${wrapper})`,
    depth: spot.depth + 1,
  };
  if (opened.cut !== undefined) leaveOut(at, opened.cut);
  if (opened.bomb === true) report(at, 'WM-ARCHIVE-011', opened.cut ?? '');
  await examine(at, { path: innerName(path), source: opened.source });
  return true;
}

/** `model.tar.gz` holds `model.tar`, `model.tgz` too; `model.joblib` holds a pickle. */
function innerName(path: string): string {
  if (/\.tgz$/i.test(path)) return path.replace(/\.tgz$/i, '.tar');
  return path.replace(/\.(gz|bz2|xz|lzma|zst|lz4|z)$/i, '');
}

/** Archives and packed data that are not opened: never clean. */
const CLOSED: ReadonlySet<FormatId> = new Set(['7z', 'rar', 'cab', 'ar', 'iso', 'compress', 'lzip', 'brotli']);

function judgeClosed(spot: Spot, { path }: NamedSource, format: FormatId): boolean {
  const promised = formatOfName(path);
  const severity = promised === undefined || promised === format ? 'medium' : 'high';
  report(
    spot,
    'WM-ARCHIVE-013',
    `${format} data${severity === 'high' ? ' under another name' : ''}: what is inside was not examined`,
    { severity },
  );
  leaveOut(spot, `the content of ${format} data`);
  return true;
}

function unreadable(spot: Spot, message: string): true {
  report(spot, 'WM-ARCHIVE-013', message);
  leaveOut(spot, message);
  return true;
}

async function judgeProgram(spot: Spot, file: NamedSource, format: FormatId): Promise<boolean> {
  if (format === 'script') return judgeAsText(spot, file, 'script');
  return (await probeExecutable(file.source)) !== null;
}

function judgePointer(spot: Spot): boolean {
  report(spot, 'WM-FILE-007', 'a Git LFS pointer, not the file');
  leaveOut(spot, 'the file was not fetched from Git LFS');
  return true;
}
