/** The abstract syntax of CEL, as far as the checks here look: https://github.com/google/cel-spec, syntax.proto. */
export interface Expr {
  readonly $typeName: 'cel.expr.Expr';
  readonly id: bigint;
  readonly exprKind: { readonly case: string | undefined; readonly value?: unknown };
}

interface Call {
  readonly function: string;
  readonly target?: Expr;
  readonly args: readonly Expr[];
}

interface Comprehension {
  readonly iterRange: Expr;
  readonly accuInit: Expr;
  readonly loopStep: Expr;
}

export function nodesOf(expr: Expr): number {
  return childrenOf(expr).reduce((sum, child) => sum + nodesOf(child), 1);
}

/** Loops inside loops: what the work is a power of. */
export function nestingOf(expr: Expr): number {
  const inner = Math.max(0, ...childrenOf(expr).map(nestingOf));
  return inner + (expr.exprKind.case === 'comprehensionExpr' ? 1 : 0);
}

/** A pattern must stand in the policy: one taken from a claim would be its signer's program. */
export function patternProblem(expr: Expr): string | null {
  if (expr.exprKind.case === 'callExpr') {
    const call = expr.exprKind.value as Call;
    if (call.function === 'matches' && call.args.at(-1)?.exprKind.case !== 'constExpr')
      return '`matches` needs a literal pattern';
  }
  return (
    childrenOf(expr)
      .map(patternProblem)
      .find((problem) => problem !== null) ?? null
  );
}

/** `range.all(…)` becomes `size(range) > 0 ? range.all(…) : 1 / 0 == 0`: about nothing, nothing is true. */
export function instrument(expr: Expr): Expr {
  const rebuilt = rebuild(expr);
  if (!isAll(rebuilt)) return rebuilt;
  const { iterRange } = rebuilt.exprKind.value as Comprehension;
  const failure = call(expr.id, '_==_', call(expr.id, '_/_', int(expr.id, 1n), int(expr.id, 0n)), int(expr.id, 0n));
  const notEmpty = call(expr.id, '_>_', call(expr.id, 'size', iterRange), int(expr.id, 0n));
  return call(expr.id, '_?_:_', notEmpty, rebuilt, failure);
}

/** The macro `all` starts from true and joins by and; no other macro does. */
function isAll(expr: Expr): boolean {
  if (expr.exprKind.case !== 'comprehensionExpr') return false;
  const { accuInit, loopStep } = expr.exprKind.value as Comprehension;
  const constant = accuInit.exprKind.value as { constantKind?: { case?: string; value?: unknown } } | undefined;
  return constant?.constantKind?.value === true && (loopStep.exprKind.value as Call).function === '_&&_';
}

function isExpr(value: unknown): value is Expr {
  return (
    typeof value === 'object' && value !== null && (value as { $typeName?: unknown }).$typeName === 'cel.expr.Expr'
  );
}

function childrenOf(expr: Expr): readonly Expr[] {
  return expressionsIn(expr.exprKind.value);
}

function expressionsIn(value: unknown): readonly Expr[] {
  if (isExpr(value)) return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(expressionsIn);
}

function rebuild(expr: Expr): Expr {
  return { ...expr, exprKind: { ...expr.exprKind, value: rebuildValue(expr.exprKind.value) } };
}

function rebuildValue(value: unknown): unknown {
  if (isExpr(value)) return instrument(value);
  if (value instanceof Uint8Array || typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(rebuildValue);
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, rebuildValue(member)]));
}

function call(id: bigint, name: string, ...args: readonly Expr[]): Expr {
  return {
    $typeName: 'cel.expr.Expr',
    id,
    exprKind: { case: 'callExpr', value: { $typeName: 'cel.expr.Expr.Call', function: name, args } },
  };
}

function int(id: bigint, value: bigint): Expr {
  const constant = { $typeName: 'cel.expr.Constant', constantKind: { case: 'int64Value', value } };
  return { $typeName: 'cel.expr.Expr', id, exprKind: { case: 'constExpr', value: constant } };
}
