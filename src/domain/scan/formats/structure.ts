import { problemOf } from '../../formats/problem.ts';
import { READERS } from '../../formats/readers.ts';
import type { Findings, FormatId, MetadataItem, Operator, Problem, Reference } from '../../formats/types.ts';
import { isUnsafePath } from '../../formats/archive-path.ts';
import type { Source } from '../../base/source.ts';
import { leaveOut, report, type Spot } from '../session.ts';
import type { Judge } from './judge.ts';
import { judgeEmbeddedPickle, judgeLoose } from './loose.ts';

/** What is particular to a format; what all have in common is judged here. */
export interface Particulars {
  /** Searches the bytes, whatever the reader makes of them. */
  readonly search?: (spot: Spot, source: Source) => Promise<void>;
  /** The rule its reader's problems fall under; default: the general ones. */
  readonly rule?: string;
  /** Searches the bytes where the reader could not follow the file to its end. */
  readonly unread?: (spot: Spot, source: Source) => Promise<void>;
  /** True for a problem that every honest writer may leave, looked at in the bytes. */
  readonly isHonest?: (problem: Problem, source: Source) => Promise<boolean>;
  /** A rule of its own for some problems. */
  readonly ruleOf?: (problem: Problem) => string | undefined;
  /** No number so large is honest in this format, whatever it is the number of. */
  readonly distrustsSizes?: boolean;
  /** True if nothing more is to be said of this item. */
  readonly metadata?: (spot: Spot, item: MetadataItem) => Promise<boolean>;
  /** The rule that code in metadata falls under. */
  readonly codeRule?: string;
  readonly findings?: (spot: Spot, source: Source, findings: Findings) => Promise<void>;
  readonly operator?: (spot: Spot, operator: Operator) => void;
  /** A rule of its own for some references, wherever they lead. */
  readonly ruleOfReference?: (reference: Reference) => string | undefined;
  /** The rule that references out of the artifact fall under. */
  readonly outsideRule?: string;
}

/** Judges what the format's reader saw. */
export function judgeBy(own: Particulars): Judge {
  return async (spot, file, { format }) => {
    const { source } = file;
    await own.search?.(spot, source);
    const reader = READERS[format];
    if (reader === undefined) return true;
    const findings = await readSafely(() => reader(file, { countRows: false }), format);
    for (const problem of findings.problems ?? []) {
      if ((await own.isHonest?.(problem, source)) === true) continue;
      judgeProblem(spot, own, problem);
      if (UNCLAIMED.has(problem.code) && problem.offset !== undefined) await judgeLoose(spot, source, problem.offset);
    }
    if (findings.problems?.some(({ code }) => UNREAD.has(code)) === true) await own.unread?.(spot, source);
    for (const item of findings.metadata ?? []) {
      if ((await own.metadata?.(spot, item)) !== true) judgeMetadata(spot, own, item);
      for (const value of textsOf(item)) await judgeEmbeddedPickle(spot, item.key, value);
    }
    judgeTensorNames(spot, own, findings);
    await own.findings?.(spot, source, findings);
    for (const operator of findings.operators ?? []) own.operator?.(spot, operator);
    for (const reference of findings.references ?? []) judgeReference(spot, own, reference);
    return true;
  };
}

/** Names of tensors become names of files and lines of terminals; those of graphs begin with `/`. A checkpoint's keys are bytes. */
function judgeTensorNames(spot: Spot, own: Particulars, { format, tensors }: Findings): void {
  if (format === 'tf-checkpoint') return;
  const unsafe = (name: string): boolean =>
    CONTROLS.test(name) ||
    /(?:^|[\\/])\.\.(?:[\\/]|$)/.test(name) ||
    isUnsafePath(ABSOLUTE_NAMES.has(format) ? name : name.replace(/^\/+|^[A-Za-z]:(?![\\/])|\\/g, '') || 'x');
  const bad = tensors?.items.find(({ name }) => name !== '' && unsafe(name));
  if (bad !== undefined)
    report(spot, own.rule ?? 'WM-FILE-006', 'a tensor whose name leads out of a folder or controls a terminal', {
      tensor: bad.name.slice(0, 200),
      severity: 'high',
    });
}

/** What moves a terminal's cursor, or the direction in which a name is read. */
const CONTROLS = /[\u0080-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/;

/** Formats whose names are dotted words: none begins as a place in a file system does. */
const ABSOLUTE_NAMES: ReadonlySet<FormatId> = new Set(['safetensors', 'gguf']);

/** Of a format that has nothing particular to look for. */
export const judgeStructure: Judge = judgeBy({});

const UNCLAIMED: ReadonlySet<Problem['code']> = new Set(['gap', 'trailing']);
const UNREAD: ReadonlySet<Problem['code']> = new Set(['limit', 'unsupported', 'malformed', 'truncated']);

/** Numbers that no writer produces, and that have overflowed readers' arithmetic. */
const OVERSIZED = /\b\d{13,}\b|impossible|too large to be true/;

function textsOf({ value }: MetadataItem): string[] {
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  return values.filter((each) => typeof each === 'string');
}

async function readSafely(read: () => Promise<Findings>, format: FormatId): Promise<Findings> {
  try {
    return await read();
  } catch (error) {
    return { format, problems: [problemOf(error)] };
  }
}

function judgeProblem(spot: Spot, own: Particulars, problem: Problem): void {
  const message = `${problem.subject === undefined ? '' : `${problem.subject}: `}${problem.message}`;
  const at = problem.offset === undefined ? {} : { offset: problem.offset };
  const particular = own.ruleOf?.(problem);
  if (particular !== undefined) return report(spot, particular, message, at);
  if (problem.code === 'external-reference') return;
  if (UNREAD.has(problem.code)) leaveOut(spot, message, problem.offset);
  if (problem.code === 'limit' || problem.code === 'unsupported') return;
  if (OVERSIZED.test(message) && (own.distrustsSizes === true || problem.code === 'overflow'))
    return report(spot, own.rule ?? 'WM-FILE-006', message, { ...at, severity: 'high' });
  report(spot, own.rule ?? (problem.code === 'trailing' ? 'WM-FILE-005' : 'WM-FILE-006'), message, at);
}

function judgeMetadata(spot: Spot, { codeRule = 'WM-FILE-006' }: Particulars, { key, value }: MetadataItem): void {
  if (typeof value === 'string' && CODE_TEXT.test(value.slice(0, 1 << 16)))
    report(spot, codeRule, `the metadata ${key} holds code`);
}

/** Text of a programming language that does something; a mention in prose does not match. */
const CODE_TEXT =
  /\b(__import__|eval|exec|os\.system|os\.popen|subprocess\.(run|Popen|call|check_output)|pickle\.loads|marshal\.loads|base64\.b64decode)\s*\(|<script[\s>]|^\s*import (os|subprocess|socket|sys)\b|!!python\/|__reduce__|javascript:/m;

function judgeReference(spot: Spot, own: Particulars, reference: Reference): void {
  const { kind, target, subject } = reference;
  const message = `${subject === undefined ? '' : `${subject}: `}${kind} ${target.slice(0, 200)}`;
  const isOutside = isUnsafePath(target) || /^\w+:\/\//.test(target);
  const rule = own.ruleOfReference?.(reference) ?? (isOutside ? (own.outsideRule ?? 'WM-ARCHIVE-009') : undefined);
  if (rule !== undefined) report(spot, rule, message);
}
