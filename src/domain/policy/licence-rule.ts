import { isSpdxExpression, licenceId } from '../metadata/licence.ts';
import type { NameRule } from '../authority/types.ts';

/** Null if the licence expression is allowed, else why not. `A OR B` needs one of them allowed, `A AND B` both. */
export function licenceProblem(expression: string, rule: NameRule): string | null {
  const id = licenceId(expression);
  if (id !== null) return allows(id, rule) ? null : `${id} is not allowed`;
  if (!isSpdxExpression(expression))
    return allows(expression, rule) && rule.allow !== undefined
      ? null
      : `${JSON.stringify(expression.slice(0, 100))} is no SPDX licence`;
  const tokens = expression.match(/\(|\)|[^\s()]+/g) ?? [];
  const reader: Reader = { tokens, at: 0, rule };
  return either(reader) && reader.at === tokens.length ? null : `${expression.slice(0, 200)} is not allowed`;
}

/** Denied wins; a list of allowed ones allows nothing else. */
function allows(id: string, { allow, deny }: NameRule): boolean {
  const has = (list: readonly string[]): boolean => list.some((entry) => entry.toLowerCase() === id.toLowerCase());
  return !has(deny ?? []) && (allow === undefined || has(allow));
}

interface Reader {
  readonly tokens: readonly string[];
  at: number;
  readonly rule: NameRule;
}

function either(reader: Reader): boolean {
  let allowed = all(reader);
  while (accept(reader, 'OR')) allowed = [all(reader), allowed].includes(true);
  return allowed;
}

function all(reader: Reader): boolean {
  let allowed = one(reader);
  while (accept(reader, 'AND')) allowed = ![one(reader), allowed].includes(false);
  return allowed;
}

/** `X WITH Y` is allowed where X is: an exception only gives more rights. */
function one(reader: Reader): boolean {
  if (accept(reader, '(')) {
    const inner = either(reader);
    return accept(reader, ')') && inner;
  }
  const id = reader.tokens[reader.at] ?? '';
  reader.at += 1;
  if (accept(reader, 'WITH')) reader.at += 1;
  return allows(licenceId(id) ?? id, reader.rule);
}

function accept(reader: Reader, word: string): boolean {
  if (reader.tokens[reader.at]?.toUpperCase() !== word) return false;
  reader.at += 1;
  return true;
}
