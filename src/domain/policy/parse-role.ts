import { FILE_SIGNATURE, PREDICATES, STEPS, buildTypeOf, type Role, type Step } from '../claims/predicates.ts';
import type { RawRole } from './raw.ts';
import type { RoleRule } from '../authority/types.ts';

const CLAIMS = ['integrity', 'bom'];

/** What the roles everybody needs may sign unless the policy says otherwise; other roles say it themselves. */
export const DEFAULT_ROLES: Readonly<
  Record<string, { readonly signs: readonly string[]; readonly vouches?: readonly Role[] }>
> = {
  publisher: {
    signs: ['preprocess', 'reference', 'records-absence', 'records-check', ...CLAIMS],
    vouches: ['dataset'],
  },
  trainer: { signs: [...STEPS.filter((step) => step !== 'preprocess'), 'derivation', ...CLAIMS] },
  evaluator: { signs: ['evaluation', 'records-check', 'derivation'] },
  scanner: { signs: ['vulns', 'scai'] },
  approver: { signs: ['approval'] },
  promoter: { signs: ['promotion'] },
  revoker: { signs: ['revocation', 'removed-records'] },
  'break-glass': { signs: ['promotion', 'approval'] },
};

export function roleOf(name: string, raw: RawRole): RoleRule {
  const rule: Exclude<RawRole, readonly string[]> = isList(raw) ? { principals: raw } : raw;
  const defaults = Object.hasOwn(DEFAULT_ROLES, name) ? DEFAULT_ROLES[name] : undefined;
  const signs = rule.signs ?? (rule.builds === undefined ? defaults?.signs : undefined) ?? [];
  const builds = rule.builds ?? [];
  return {
    name,
    principals: rule.principals,
    predicates: [...new Set([...signs.map(predicateOf), ...(builds.length > 0 ? [PREDICATES.provenance] : [])])],
    buildTypes: [...signs.flatMap(stepsOf).map(buildTypeOf), ...builds],
    models: rule.models ?? ['**'],
    vouches: rule.vouches ?? defaults?.vouches ?? [],
  };
}

/** A predicate's URI by its short name; a URI stays as it is. */
export function predicateType(word: string): string {
  return Object.hasOwn(PREDICATES, word) ? PREDICATES[word as keyof typeof PREDICATES] : word;
}

function predicateOf(word: string): string {
  if (word === 'file-signature') return FILE_SIGNATURE;
  return stepsOf(word).length > 0 ? PREDICATES.provenance : predicateType(word);
}

/** `provenance` means every step. */
function stepsOf(word: string): readonly Step[] {
  return word === 'provenance' ? STEPS : STEPS.filter((step) => step === word);
}

function isList(raw: RawRole): raw is readonly string[] {
  return Array.isArray(raw);
}
