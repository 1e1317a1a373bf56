import { formatOfName } from '../../formats/names.ts';
import type { NamedSource } from '../../formats/types.ts';
import { judgePickles } from '../pickle/judge.ts';
import { newSession, report, type Session, type Spot } from '../session.ts';
import { atLeast } from '../types.ts';
import type { JudgeOptions } from './judge.ts';
import { pushAll } from '../../base/lists.ts';

/** A pickle by its first byte only is one if it can be read to its end, or does something on the way. */
export async function judgePickleFile(
  spot: Spot,
  { path, source }: NamedSource,
  { setting }: JudgeOptions,
): Promise<boolean> {
  const promised =
    ['pickle', 'joblib', 'torch-zip', 'torchscript'].includes(formatOfName(path) ?? '') ||
    /\.(bin|dat|data|model|sav|p|pk)$/i.test(path) ||
    spot.session.formats.size <= 1;
  const session = newSession(spot.session.path, spot.session.examine);
  const streams = await judgePickles({ ...spot, session }, source, setting);
  const complete = streams.some(
    (stream) => stream.complete && (stream.protocol > 0 || stream.globals.length > 0 || stream.end === source.size),
  );
  const acts = session.findings.some((finding) => atLeast(finding.severity, 'high'));
  if (!complete && !acts && !(promised && startsWithProto(await source.read(0, 2)))) return false;
  merge(spot, session);
  return true;
}

export function startsWithProto([first, second = 255]: Uint8Array): boolean {
  return first === 0x80 && second <= 5;
}

function merge(spot: Spot, from: Session): void {
  for (const { rule, message, severity, place } of from.findings)
    report(spot, rule, message, { severity, ...(place.offset === undefined ? {} : { offset: place.offset }) });
  pushAll(spot.session.unexamined, from.unexamined);
  if (spot.session.weightsOnly?.loads !== false && from.weightsOnly !== undefined)
    spot.session.weightsOnly = from.weightsOnly;
}
