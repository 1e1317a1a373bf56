import { windowSource, type Source } from '../../base/source.ts';
import type { Pickle, Span } from '../../formats/pickle/index.ts';
import { PROGRAM_HEAD, programIn } from '../programs.ts';
import { probeExecutable } from '../probe.ts';
import { leaveOut, newSession, report, type Session, type Spot } from '../session.ts';
import { isPacked } from './constants.ts';

const CHUNK = 1 << 20;
/** How far a pickle that begins behind another one is read. */
const READ = 1 << 20;
/** Opcodes that are read of all that may begin there: places made to look like beginnings must not cost a day. */
const OPCODES = 4_000_000;

type ReadAs = (spot: Spot, source: Source) => Promise<readonly Pickle[]>;

interface Behind {
  readonly source: Source;
  readonly trailing: Span;
  readonly judge: ReadAs;
}

/** What lies behind the last STOP, where no unpickler looks: programs, packed data, and pickles that begin anywhere in it. */
export async function judgeBehind(spot: Spot, behind: Behind): Promise<void> {
  const { source, trailing } = behind;
  report(spot, 'WM-PICKLE-017', `${trailing.length} bytes follow the pickle`, { offset: trailing.offset });
  await judgeBeginning(spot, source, trailing);
  for (let at = trailing.offset; at < source.size; at += CHUNK) {
    const program = programIn(await bufferOf(source, at, CHUNK + PROGRAM_HEAD));
    if (program === null) continue;
    report(spot, 'WM-FILE-003', `behind the pickle is ${program.what}`, { offset: at + program.at });
    break;
  }
  await judgeHiddenPickles(spot, behind, source.size);
}

/** A pickle whose storages follow it, as the format has it: only what begins close behind it is looked at. */
export async function judgeStorages(spot: Spot, behind: Behind): Promise<void> {
  const { source, trailing } = behind;
  const loose = trailing.offset + Math.max(0, (await source.read(trailing.offset, CHUNK)).findIndex(isContent));
  const program = await probeExecutable(windowSource(source, loose, source.size - loose));
  if (program !== null) report(spot, 'WM-FILE-003', `behind the pickle is ${program}`, { offset: loose });
  await judgeHiddenPickles(spot, behind, Math.min(source.size, trailing.offset + CHUNK));
}

const PADDING: ReadonlySet<number> = new Set(Buffer.from('\0\t\n\v\f\r '));

function isContent(byte: number): boolean {
  return !PADDING.has(byte);
}

/** What begins after padding: a script, compiled Python, or packed data, which is opened. */
async function judgeBeginning(spot: Spot, source: Source, { offset }: Span): Promise<void> {
  let at = offset;
  let found = -1;
  for (; at < source.size && found < 0; at += CHUNK) {
    found = (await source.read(at, CHUNK)).findIndex(isContent);
    if (found >= 0) at += found - CHUNK;
  }
  if (found < 0) return;
  const rest = windowSource(source, at, source.size - at);
  const head = await bufferOf(rest, 0, 64);
  const program = head.toString('latin1', 0, 2) === '#!' ? 'a script' : await probeExecutable(rest, head);
  if (program !== null) report(spot, 'WM-FILE-003', `behind the pickle is ${program}`, { offset: at });
  if (!isPacked(head)) return;
  const session = newSession(spot.session.path, spot.session.examine);
  await session.examine({ session, member: '', depth: spot.depth + 2 }, { path: 'behind', source: rest });
  const worst = session.findings.find(({ severity }) => severity === 'critical' || severity === 'high');
  const programs = session.findings.find(({ rule }) => rule === 'WM-FILE-004');
  if (worst !== undefined || programs !== undefined)
    report(spot, 'WM-PICKLE-018', `packed behind the pickle: ${(worst ?? programs)?.message ?? ''}`, {
      offset: at,
      severity: worst?.severity ?? 'high',
    });
}

/** Pickles that begin anywhere up to `end`, by their first opcodes; those that are read to their STOP are passed over. */
async function judgeHiddenPickles(spot: Spot, { source, trailing, judge }: Behind, end: number): Promise<void> {
  let [opcodes, next] = [0, trailing.offset];
  for (let base = trailing.offset; base < end; base += CHUNK) {
    for (const start of startsIn(await bufferOf(source, base, CHUNK + LINE), CHUNK)) {
      const offset = base + start;
      if (offset < next) continue;
      if (opcodes > OPCODES) return leaveOut(spot, 'more that looks like pickles than is read', offset);
      const session = newSession(spot.session.path, spot.session.examine);
      const window = windowSource(source, offset, Math.min(source.size - offset, READ));
      const streams = await judge({ session, member: spot.member, depth: spot.depth + 2 }, window);
      opcodes += streams.reduce((sum, stream) => sum + stream.opcodes, 16);
      const whole = streams.findLast(({ complete }) => complete);
      if (whole !== undefined) next = offset + whole.end;
      reportWorst(spot, session, offset);
    }
  }
}

function reportWorst(spot: Spot, { findings }: Session, offset: number): void {
  const worst = findings.find(({ severity }) => severity === 'critical');
  if (worst !== undefined) report(spot, 'WM-PICKLE-018', `a pickle after the end: ${worst.message}`, { offset });
}

const [PROTO, SHORT_BINUNICODE] = [0x80, 0x8c];
const GLOBAL = 'c'.charCodeAt(0);
const INST = 'i'.charCodeAt(0);
/** What is looked at behind, and before, a place that may be a beginning. */
const LINE = 256;

/** Places where a pickle may begin: PROTO, GLOBAL, the MARK before an INST, the two texts before a STACK_GLOBAL. */
function* startsIn(bytes: Buffer, end: number): Generator<number> {
  for (let at = 0; at < Math.min(end, bytes.length); at++) {
    const byte = bytes[at];
    if (byte === PROTO && (bytes[at + 1] ?? 0) >= 2 && (bytes[at + 1] ?? 0) <= 5) yield at;
    else if ((byte === GLOBAL || byte === INST) && NAMED.test(textAt(bytes, at + 1)))
      yield byte === GLOBAL ? at : Math.max(0, bytes.lastIndexOf('(', at));
    else if (byte === SHORT_BINUNICODE && STACKED.test(textAt(bytes, at))) yield at;
  }
}

const NAMED = /^[A-Za-z_][\w.]{1,100}\r?\n[A-Za-z_][\w.]{1,100}\r?\n/;
const STACKED = /^\x8c[^][A-Za-z_][\w.]{1,99}\x94?\x8c[^][A-Za-z_][\w.]{1,99}\x94?\x93/;

function textAt(bytes: Buffer, at: number): string {
  const first = bytes[at] ?? 0;
  return first < 0x41 ? '' : bytes.toString('latin1', at, at + LINE);
}

async function bufferOf(source: Source, at: number, length: number): Promise<Buffer> {
  const { buffer, byteOffset, byteLength } = await source.read(at, length);
  return Buffer.from(buffer, byteOffset, byteLength);
}
