import {
  globalName,
  isNode,
  readPickles,
  type Pickle,
  type PickleCall,
  type PickleEvent,
  type PickleGlobal,
  type PickleValue,
  type PickleVisitor,
  type Span,
} from '../../formats/pickle/index.ts';
import { windowSource, type Source } from '../../base/source.ts';
import { CODE_MAKERS } from '../deny.ts';
import { leaveOut, newSession, report, type FoundAt, type Spot } from '../session.ts';
import { atLeast, type ScanFinding } from '../types.ts';
import { judgeBehind, judgeStorages } from './behind.ts';
import { CALLS_FIRST, judgeCall } from './calls.ts';
import { FORMULA_KEYS, formulasOf, type Formulas } from './formulas.ts';
import { constantsVisitor, isZipStart, type Candidate } from './constants.ts';
import { isClassLike, isMethodOfAllowed, isKnownWord, isPythonName, isStandard, judgeName } from './names.ts';
import { judgeRunText, judgeState, judgeUse, RUN_TEXTS } from './uses.ts';
import { addWeightsOnly } from './weights-only.ts';

export interface PickleContext {
  /** Inside a TorchScript archive, whose own classes are named `__torch__.…`. */
  readonly torchScript?: boolean;
  /** Bytes after the last stream belong to the format: storages of legacy PyTorch files. */
  readonly dataFollows?: boolean;
  /** Not what a PyTorch loader reads: says nothing about `weights_only`. */
  readonly aside?: boolean;
}

interface Use {
  readonly module: string;
  readonly name: string;
  readonly offset: number;
  called: PickleCall | undefined;
  /** Every call so far was found harmless by its arguments. */
  excused: boolean;
  /** Some call was. */
  harmless: boolean;
}

/** Values kept while judging: enough for the descriptions of joblib's arrays. */
const KEPT = 50_000;

/** Reads all pickle streams in the source and reports what loading them would do. */
export async function judgePickles(
  spot: Spot,
  source: Source,
  context: PickleContext = {},
): Promise<readonly Pickle[]> {
  const uses = new Map<string, Use>();
  const candidates: Candidate[] = [];
  const formulas = formulasOf();
  const visitor = visitorOf(spot, uses, { candidates, formulas });
  const { streams, trailing } = await readPickles(source, { visitor, keep: KEPT, memo: KEPT, keepText: isKnownWord });
  for (const use of uses.values()) reportUse(spot, use, context);
  formulas.judge(spot);
  for (const stream of streams) reportStream(spot, stream, context);
  if (streams.length > 1 && context.dataFollows !== true)
    report(spot, 'WM-PICKLE-016', `${streams.length} pickle streams follow each other`, {
      offset: streams[1]?.start ?? 0,
    });
  if (context.aside !== true && spot.depth < 2) addWeightsOnly(spot, streams);
  await judgeCandidates(spot, source, candidates);
  await judgeRawData(
    spot,
    source,
    streams.flatMap((stream) => stream.raw),
  );
  if (trailing === null) return streams;
  const judge = (at: Spot, inner: Source) => judgePickles(at, inner, { aside: true, dataFollows: true });
  await (context.dataFollows === true ? judgeStorages : judgeBehind)(spot, { source, trailing, judge });
  return streams;
}

const WATCHED: ReadonlySet<string> = new Set([...RUN_TEXTS, ...FORMULA_KEYS]);

function visitorOf(
  spot: Spot,
  uses: Map<string, Use>,
  { candidates, formulas }: { candidates: Candidate[]; formulas: Formulas },
): PickleVisitor {
  return {
    ...constantsVisitor(candidates, (reason, offset) => leaveOut(spot, reason, offset)),
    onGlobal: (global) => void useOf(uses, global),
    onCall: (call) => recordCall(spot, uses, call),
    watched: WATCHED,
    onEntry: (key, value, offset) => {
      if (RUN_TEXTS.has(key)) judgeRunText(spot, { key, value, offset });
      else formulas.add(key, value, offset);
    },
    onState: (target, state) => {
      judgeState(spot, target, state);
      formulas.state(target, state);
    },
  };
}

function useOf(uses: Map<string, Use>, { module, name, offset }: PickleGlobal): Use | null {
  if (module === null || name === null) return null;
  const key = `${module}\n${name}`;
  const use = uses.get(key) ?? { module, name, offset, called: undefined, excused: true, harmless: false };
  if (uses.size < 100_000) uses.set(key, use);
  return use;
}

function recordCall(spot: Spot, uses: Map<string, Use>, call: PickleCall): void {
  if (!isNode(call.callee) || call.callee.kind !== 'global') return;
  const use = useOf(uses, call.callee);
  if (use === null) return;
  const { name } = judgeName(use.module, use.name);
  const judged = judgeCall(name, call) ?? judgeUse(name, call);
  if (judged === null) [use.called, use.excused] = [use.called ?? call, false];
  else if (judged === 'fine') use.harmless = true;
  else report(spot, judged.rule, judged.message, { offset: call.offset, severity: judged.severity });
  const [first] = call.args;
  if (CALLS_FIRST.has(name) && isNode(first) && first.kind === 'global')
    recordCall(spot, uses, { ...call, ...argumentsFor(name, call), callee: first });
}

/** Protocols 0 and 1 write `class.__new__` as a call of copyreg's, which starts from a base: one of Python's own does nothing. */
function argumentsFor(name: string, { via, args }: PickleCall): Pick<PickleCall, 'via' | 'args'> {
  if (name === 'copyreg.__newobj__') return { via: 'NEWOBJ', args: args.slice(1) };
  const plain = name === 'copyreg._reconstructor' && PLAIN_BASES.test(globalName(args[1]) ?? '');
  return plain ? { via: 'NEWOBJ', args: [] } : { via, args: args.slice(1) };
}

const PLAIN_BASES =
  /^(?:builtins|__builtin__)\.(?:object|dict|list|tuple|set|frozenset|int|long|float|str|unicode|bytes|complex)$/;

function reportUse(spot: Spot, use: Use, context: PickleContext): void {
  const { module, offset, called } = use;
  const at: FoundAt = { offset: called?.offset ?? offset };
  if (!isPythonName(module, use.name))
    return report(spot, 'WM-PICKLE-007', `${module} ${use.name} is not a Python name`, at);
  const { state: judged, name, known } = judgeName(module, use.name, context.torchScript);
  const state = judged === 'block' && !known && isConstructed(use) && !isStandard(module) ? 'review' : judged;
  const action = called === undefined ? 'is imported' : `is called with ${describe(called.args)}`;
  if (state === 'allowed') return;
  if (use.name.includes('.') && isMethodOfAllowed(module, use.name) && called === undefined)
    return report(spot, 'WM-PICKLE-006', `${name} ${action}`, { ...at, severity: 'medium' });
  if (use.name.includes('.') && !(state === 'review' && isClassLike(use.name)))
    return report(spot, 'WM-PICKLE-006', `${module}: ${use.name} ${action}`, {
      ...at,
      severity: state === 'block' && known ? 'critical' : 'high',
    });
  if (called === undefined && use.excused && isExcusable(name)) return;
  // Whether it is also kept for somebody to call cannot be told.
  if (called === undefined && use.harmless && name === 'dill._dill._eval_repr')
    return report(spot, 'WM-PICKLE-004', `${name} is called with the text of a range or a singleton`, at);
  if (CODE_MAKERS.has(name)) return report(spot, 'WM-PICKLE-020', `${name} ${action}`, at);
  if (state === 'block') return reportBlocked(spot, { name, known, called: called !== undefined, action }, at);
  report(spot, called === undefined ? 'WM-PICKLE-005' : 'WM-PICKLE-004', `${name} ${action}`, at);
}

/** NEWOBJ takes a class, whatever its name looks like: a function in its place is an error. */
function isConstructed({ called }: Use): boolean {
  return called?.via === 'NEWOBJ' || called?.via === 'NEWOBJ_EX';
}

/** Names whose every use was judged by its arguments. */
function isExcusable(name: string): boolean {
  return /^(builtins\.(getattr|type|iter)|dill\._dill\._load_type|cloudpickle\.cloudpickle\._builtin_type|_?functools\.(partial|reduce)|_?operator\.(?:getitem|attrgetter|methodcaller)|numpy\.(?:lib\.function_base\.)?vectorize|numpy\.(_core|core)\._ufunc_reconstruct|_?operator\.itemgetter|torch\.storage\._load_from_bytes)$/.test(
    name,
  );
}

function reportBlocked(
  spot: Spot,
  use: { name: string; known: boolean; called: boolean; action: string },
  at: FoundAt,
): void {
  const message = `${use.name} ${use.action}`;
  if (use.known) report(spot, use.called ? 'WM-PICKLE-001' : 'WM-PICKLE-002', message, at);
  else if (use.called) report(spot, 'WM-PICKLE-003', message, at);
  else report(spot, 'WM-PICKLE-005', message, at);
}

const EVENT_RULES: Readonly<Partial<Record<PickleEvent['kind'], string>>> = {
  'computed-name': 'WM-PICKLE-007',
  extension: 'WM-PICKLE-008',
  'build-on-global': 'WM-PICKLE-009',
  'set-on-global': 'WM-PICKLE-010',
  'computed-call': 'WM-PICKLE-011',
  persistent: 'WM-PICKLE-012',
  'persistent-module': 'WM-PICKLE-012',
  'set-on-tensor': 'WM-PICKLE-010',
  'memo-bomb': 'WM-PICKLE-013',
  'memo-index': 'WM-PICKLE-014',
};

function reportStream(spot: Spot, stream: Pickle, context: PickleContext): void {
  for (const event of stream.events) {
    if (event.kind === 'persistent-module' && context.dataFollows === true) continue;
    const rule = EVENT_RULES[event.kind];
    if (rule !== undefined) report(spot, rule, event.detail, { offset: event.offset });
  }
  const limit = stream.problems.find((problem) => problem.code === 'limit');
  if (limit !== undefined) leaveOut(spot, limit.message, limit.offset);
  const broken = stream.problems.find((problem) => problem.code !== 'limit');
  if (broken === undefined) return;
  report(spot, 'WM-PICKLE-015', broken.message, { offset: broken.offset });
  leaveOut(spot, `the pickle cannot be read on: ${broken.message}`, broken.offset);
}

/** Pickles and compressed data inside constants: judged like files, reported if dangerous. */
async function judgeCandidates(spot: Spot, source: Source, candidates: readonly Candidate[]): Promise<void> {
  if (candidates.length > 0 && spot.depth >= 6) return leaveOut(spot, 'content nested too deeply in a pickle');
  for (const candidate of candidates) {
    const inner = await candidate.open(source);
    if (inner === null) continue;
    const findings = await findingsOf(spot, inner);
    const worst = findings.find(
      (finding) => atLeast(finding.severity, 'high') && !finding.rule.startsWith('WM-ARCHIVE'),
    );
    if (worst !== undefined)
      report(spot, 'WM-PICKLE-018', `${candidate.what}: ${worst.message}`, {
        offset: candidate.offset,
        severity: worst.severity,
      });
  }
}

/** joblib skips array data; a plain unpickler would run it. Only data that does something as a pickle counts. */
async function judgeRawData(spot: Spot, source: Source, spans: readonly Span[]): Promise<void> {
  for (const span of spans.slice(0, 1000)) {
    const length = Math.min(span.length, 1 << 16);
    const findings = await findingsOf(spot, windowSource(source, span.offset, length));
    const worst = findings.find((finding) => finding.severity === 'critical');
    if (worst !== undefined)
      report(spot, 'WM-PICKLE-019', `array data is a pickle: ${worst.message}`, { offset: span.offset });
  }
}

async function findingsOf(spot: Spot, source: Source): Promise<readonly ScanFinding[]> {
  const session = newSession(spot.session.path, spot.session.examine);
  const at: Spot = { session, member: spot.member, depth: spot.depth + 2 };
  if (isZipStart(await source.read(0, 4))) await session.examine(at, { path: 'embedded.zip', source });
  else await judgePickles(at, source, { aside: true, dataFollows: true });
  return session.findings;
}

function describe(args: readonly PickleValue[]): string {
  const shown = args.slice(0, 3).map(describeOne).join(', ');
  return `(${shown}${args.length > 3 ? ', …' : ''})`;
}

function describeOne(value: PickleValue): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 80));
  if (!isNode(value)) return String(value);
  return globalName(value) ?? `a ${value.kind}`;
}
