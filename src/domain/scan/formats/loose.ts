import { windowSource, type Source } from '../../base/source.ts';
import { candidateOf } from '../pickle/constants.ts';
import { newSession, report, type Spot } from '../session.ts';

const PADDING = 1 << 16;

/** Bytes that no part of a format claims: padding means nothing, a program or a pickle that acts was put there. */
export async function judgeLoose(spot: Spot, source: Source, offset: number): Promise<void> {
  const head = await source.read(offset, Math.min(PADDING, source.size - offset));
  const first = head.findIndex((byte) => byte !== 0);
  if (first < 0) return;
  const { session } = spot;
  await session.examine(
    { ...spot, depth: spot.depth + 1 },
    { path: '', source: windowSource(source, offset + first, source.size) },
    { rawData: true },
  );
}

/** A text value of a file's own metadata that is a pickle, perhaps encoded or compressed, and acts. */
export async function judgeEmbeddedPickle(spot: Spot, key: string, value: string): Promise<void> {
  const candidate = value.length < 16 ? null : candidateOf(value, 0);
  const inner =
    candidate === null
      ? null
      : await candidate.open(windowSource({ size: 0, read: async () => new Uint8Array(0) }, 0, 0));
  if (inner === null) return;
  const session = newSession(spot.session.path, spot.session.examine);
  await session.examine({ session, member: '', depth: spot.depth + 2 }, { path: 'value.pkl', source: inner });
  const worst = session.findings.find(({ severity }) => severity === 'critical');
  if (worst !== undefined) report(spot, 'WM-PICKLE-018', `the metadata ${key} holds a pickle: ${worst.message}`);
}
