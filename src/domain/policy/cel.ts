import { celEnv, isCelError, parse, plan, type CelInput } from '@bufbuild/cel';
import { WeighmarkError } from '../base/errors.ts';
import { instrument, nestingOf, nodesOf, patternProblem, type Expr } from './cel-ast.ts';

/** An expression that can be asked many times; the same data gives the same answer. */
export interface CompiledAssertion {
  readonly source: string;
  /** True only for the CEL value `true`: an error, any other value, or too much work is a reason to refuse. */
  readonly ask: (data: Readonly<Record<string, unknown>>) => { readonly holds: boolean; readonly why: string };
}

const NESTING = 2;
/** Steps at most for one question, by static estimate: keeps an answer well under a second. */
const COST = 5_000_000;
/** Made at the first expression: most policies have none. */
let environment: ReturnType<typeof celEnv> | undefined;

/**
 * Compiles a CEL expression for use on verified data (security rule 25): linear-time patterns, written in the policy and
 * not taken from data; bounded nesting; `all` over an empty list is an error, never true.
 * @throws WeighmarkError `policy-invalid`.
 */
export function compileAssertion(source: string): CompiledAssertion {
  const known = COMPILED.get(source);
  if (known !== undefined) return known;
  const compiled = compiledAnew(source);
  if (COMPILED.size >= MOST_COMPILED) COMPILED.clear();
  COMPILED.set(source, compiled);
  return compiled;
}

/** By their text: a policy's few expressions are asked of each of thousands of artifacts, and compiling one takes a millisecond. */
const COMPILED = new Map<string, CompiledAssertion>();
const MOST_COMPILED = 1_000;

function compiledAnew(source: string): CompiledAssertion {
  const expr = parsed(source);
  const nesting = nestingOf(expr);
  if (nesting > NESTING)
    throw new WeighmarkError('policy-invalid', `the expression nests its loops deeper than ${NESTING}`);
  const pattern = patternProblem(expr);
  if (pattern !== null) throw new WeighmarkError('policy-invalid', pattern);
  const run = plan((environment ??= celEnv()), instrument(expr) as never) as (
    data: Record<string, CelInput>,
  ) => unknown;
  const nodes = nodesOf(expr);
  return { source, ask: (data) => ask(run, data, (size) => nodes * size ** Math.max(1, nesting)) };
}

function ask(
  run: (data: Record<string, CelInput>) => unknown,
  data: Readonly<Record<string, unknown>>,
  cost: (size: number) => number,
): { holds: boolean; why: string } {
  try {
    if (cost(sizeOf(data)) > COST) return { holds: false, why: 'it would take too long on this much data' };
    const result = run(Object.fromEntries(Object.entries(data).map(([name, value]) => [name, toCel(value)])));
    if (isCelError(result)) return { holds: false, why: `it could not be evaluated: ${result.message}` };
    if (typeof result !== 'boolean') return { holds: false, why: 'it is neither true nor false' };
    return { holds: result, why: result ? 'it is true' : 'it is false' };
  } catch (error) {
    return { holds: false, why: `it could not be evaluated: ${(error as Error).message}` };
  }
}

function parsed(source: string): Expr {
  try {
    return parse(source).expr;
  } catch (cause) {
    const [why] = (cause as Error).message.split('\n');
    throw new WeighmarkError('policy-invalid', `not a CEL expression: ${why}`, { cause });
  }
}

/** Whole numbers are CEL ints; objects are maps, so that nothing inherited can be asked for. */
function toCel(value: unknown): CelInput {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (Array.isArray(value)) return value.map(toCel);
  if (typeof value !== 'object' || value === null) return value as CelInput;
  const entries = Object.entries(value).filter(([, member]) => member !== undefined);
  return new Map(entries.map(([key, member]) => [key, toCel(member)]));
}

/** How much there is to look at: members, and a unit for every 64 characters. */
function sizeOf(value: unknown): number {
  if (typeof value === 'string') return 1 + value.length / 64;
  if (typeof value !== 'object' || value === null) return 1;
  return Object.values(value).reduce((sum: number, member) => sum + sizeOf(member), 1);
}
