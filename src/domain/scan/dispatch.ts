import { certainMatches, HEAD_BYTES } from '../formats/detect.ts';
import { detect, type FormatId, type NamedSource } from '../formats/index.ts';
import { WeighmarkError } from '../base/errors.ts';
import { mayBeProgram, probeExecutable, probeMore } from './probe.ts';
import { isWeightsName, judgeNames } from './mismatch.ts';
import { isJudgedByName, judgeByName } from './formats/by-name.ts';
import { judgeKerasText } from './formats/keras-text.ts';
import { judgeOldJoblib, mayBeOldJoblib } from './formats/old-joblib.ts';
import { startsWithProto } from './formats/pickle-file.ts';
import { judgeStructure } from './formats/structure.ts';
import { JUDGES } from './judges.ts';
import { judgePickles } from './pickle/judge.ts';
import { leaveOut, newSession, report, type Setting, type Spot } from './session.ts';

const DEPTH = 6;

/** Examines a file or member as every format its content matches, by bytes first and name second. */
export async function examine(spot: Spot, file: NamedSource, setting: Setting = {}): Promise<void> {
  if (spot.depth > DEPTH) return tooDeep(spot);
  if (setting.rawData === true) return examineRaw(spot, file);
  if (isNothing(file)) return;
  const { matches, named } = await detect(file);
  const formats = await probeMore(file, matches);
  for (const format of formats) spot.session.formats.add(format);
  const confirmed = new Set<FormatId>();
  for (const format of formats) if (await judgeSafely(format, spot, file, setting)) confirmed.add(format);
  if (await judgeOldJoblib(spot, file)) confirmed.add('joblib');
  if (confirmed.size === 0 && /\.pb$/i.test(file.path)) await judgeKerasText(spot, file.source);
  await judgeByName(spot, file);
  judgeNames(spot, file, { named, confirmed: [...confirmed] });
}

/**
 * Whether a small file in memory is certainly nothing that anything below looks into: of a data set's thousands of raw records
 * each step that waits costs more than this one that does not.
 */
function isNothing({ path, source: { bytes } }: NamedSource): boolean {
  if (bytes === undefined || bytes.length > HEAD_BYTES || mayBeProgram(bytes) || mayBeOldJoblib(bytes)) return false;
  return (
    certainMatches(bytes, path)?.length === 0 && !isWeightsName(path) && !isJudgedByName(path) && !/\.pb$/i.test(path)
  );
}

function tooDeep(spot: Spot): void {
  report(spot, 'WM-ARCHIVE-013', `archives nested deeper than ${DEPTH}`);
  leaveOut(spot, `nested deeper than ${DEPTH}`);
}

/** What breaks one reader must not keep the others from looking: it is left out, and said. */
async function judgeSafely(format: FormatId, spot: Spot, file: NamedSource, setting: Setting): Promise<boolean> {
  try {
    return await (JUDGES[format] ?? judgeStructure)(spot, file, { format, setting });
  } catch (error) {
    if (error instanceof WeighmarkError && READING.has(error.code)) throw error;
    const message = error instanceof Error ? error.message : String(error);
    report(spot, 'WM-FILE-006', `as ${format}: ${message}`);
    leaveOut(spot, message);
    return true;
  }
}

const READING: ReadonlySet<string> = new Set(['file-changed', 'unreadable', 'interrupted', 'not-found']);

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
