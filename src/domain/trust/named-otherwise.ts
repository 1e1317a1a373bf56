import { PREDICATES } from '../claims/predicates.ts';
import type { Statement } from '../claims/types.ts';
import { signedName } from './verify-claim.ts';

/**
 * What those who described an artifact call it, where none calls it as it was asked for: whoever may push gives it any name. A name
 * without a namespace is none that a registry gives. Empty: there is nothing to tell.
 */
export function namedOtherwise(statements: readonly Statement[], asked: string): readonly string[] {
  const described = statements.filter(({ predicateType }) => predicateType === PREDICATES.bom);
  const said = new Set(described.flatMap((each) => signedName(each) ?? []));
  const others = [...said].filter((name) => name.includes('/')).toSorted();
  if (said.has(asked) || others.length === 0) return [];
  return [
    `signed as ${others.slice(0, 3).join(', ')}, and asked for as ${asked}: whoever may push can give it any name`,
  ];
}
