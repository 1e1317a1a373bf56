import { formatOfName } from '../../formats/names.ts';
import type { NamedSource } from '../../formats/types.ts';
import { actsAsPickle } from '../../formats/pickle/index.ts';
import { judgePickles } from '../pickle/judge.ts';
import { newSession, report, type Session, type Spot } from '../session.ts';
import { atLeast } from '../types.ts';
import type { JudgeOptions } from './judge.ts';
import { pushAll } from '../../base/lists.ts';

/** A pickle by its first bytes is one if it can be read to its end, does something on the way, or says that it is one. */
export async function judgePickleFile(
  spot: Spot,
  { path, source }: NamedSource,
  { setting }: JudgeOptions,
): Promise<boolean> {
  const session = newSession(spot.session.path, spot.session.examine);
  const streams = await judgePickles({ ...spot, session }, source, setting);
  const proto = startsWithProto(await source.read(0, 2));
  const taken = proto
    ? streams.some(({ complete }) => complete) || acts(session) || promises(spot, path)
    : streams.some(actsAsPickle) || (isPickleName(path) && streams.some(({ complete }) => complete));
  if (taken) merge(spot, session);
  return taken;
}

function acts({ findings }: Session): boolean {
  return findings.some(({ severity, rule }) => atLeast(severity, 'high') && rule !== 'WM-PICKLE-015');
}

function promises(spot: Spot, path: string): boolean {
  return isPickleName(path) || /\.(bin|dat|data|model|sav|p|pk)$/i.test(path) || spot.session.formats.size <= 1;
}

function isPickleName(path: string): boolean {
  return ['pickle', 'joblib', 'torch-zip', 'torchscript'].includes(formatOfName(path) ?? '');
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
