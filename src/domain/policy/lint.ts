import { SCANS } from '../claims/predicates.ts';
import type { TrustAnchor } from '../claims/types.ts';
import type { Advice } from './advice.ts';
import { RULES } from '../scan/rules.ts';
import { mostToReinstate } from './evaluate.ts';
import { fewRevokers, neverHolds } from './never-holds.ts';
import { BREAK_GLASS_ROLE, REVOKER_ROLE, type Environment, type Policy, type Suppression } from '../authority/types.ts';

const SOON_MS = 30 * 86_400_000;

/** What a valid policy leaves open, or promises and does not hold. Never an error: those `parsePolicy` refuses. */
export function lintPolicy(
  policy: Policy,
  now: Date,
  { timestampAuthorities = [] }: { readonly timestampAuthorities?: readonly string[] } = {},
): readonly Advice[] {
  return [
    ...neverHolds(policy, { now, timestampAuthorities }).map((each) => ({ ...each, never: true as const })),
    ...fewRevokers(policy, mostToReinstate(policy)),
    ...expiryAdvice(policy, now),
    ...policy.suppressions.flatMap(suppressionAdvice),
    ...roleAdvice(policy),
    ...policy.principals.flatMap(({ name, anchors }) =>
      anchors.flatMap((anchor) => anchorAdvice(`principals.${name}`, anchor)),
    ),
    ...policy.environments.flatMap((environment, index) => environmentAdvice(environment, { policy, index })),
    ...(policy.log === undefined
      ? [{ place: 'log', message: 'no log key is named: readers take the one they see first' }]
      : []),
    ...(policy.log !== undefined && policy.log.witnesses === undefined
      ? [
          {
            place: 'log.witnesses',
            message: 'no witnesses: a machine without memory cannot tell an old log from the newest',
          },
        ]
      : []),
  ];
}

function expiryAdvice(policy: Policy, now: Date): readonly Advice[] {
  const isOver = Date.parse(policy.expires) <= now.getTime();
  const dated: readonly (readonly [string, string])[] = [
    ...(isOver ? [] : [['expires', policy.expires] as const]),
    ...(policy.accepts ?? []).map(({ until }, index) => [`accepts[${index}]`, until] as const),
    ...policy.leaves.map(({ expires }, index) => [`leaves[${index}]`, expires] as const),
    ...policy.exceptions.map(({ expires }, index) => [`exceptions[${index}]`, expires] as const),
    ...policy.suppressions.map(({ expires }, index) => [`suppressions[${index}]`, expires] as const),
  ];
  return dated.flatMap(([place, expires]) => {
    const left = Date.parse(expires) - now.getTime();
    if (left <= 0) return [{ place, message: `expired on ${expires.slice(0, 10)}` }];
    return left < SOON_MS && !place.startsWith('accepts')
      ? [{ place, message: `expires soon, on ${expires.slice(0, 10)}` }]
      : [];
  });
}

function suppressionAdvice({ rule, path, sha256 }: Suppression, index: number): readonly Advice[] {
  const place = `suppressions[${index}]`;
  return [
    ...(Object.hasOwn(RULES, rule) ? [] : [{ place, message: `there is no scan rule ${rule}` }]),
    ...(path === undefined && sha256 === undefined
      ? [{ place, message: `suppresses ${rule} in every file: name a path or a sha256` }]
      : []),
  ];
}

function roleAdvice(policy: Policy): readonly Advice[] {
  const held = new Set(policy.roles.flatMap(({ principals }) => principals));
  const idle = policy.principals
    .filter(({ name }) => !held.has(name))
    .map(({ name }) => ({ place: `principals.${name}`, message: 'holds no role' }));
  const revokers = policy.roles.find(({ name }) => name === REVOKER_ROLE);
  const alone = policy.roles
    .filter(({ name }) => name === BREAK_GLASS_ROLE)
    .flatMap(({ models }) =>
      models.includes('**')
        ? [{ place: `roles.${BREAK_GLASS_ROLE}`, message: 'may break the glass for every model' }]
        : [],
    );
  const scanned = policy.roles.some(({ predicates }) => SCANS.some((type) => predicates.includes(type)));
  return [
    ...idle,
    ...(scanned
      ? []
      : [
          {
            place: 'roles',
            message: 'the scan that `seal` signs counts for nobody: no role, such as scanner, may sign one',
          },
        ]),
    ...alone,
    ...(revokers === undefined ? [{ place: 'roles', message: 'nobody may revoke: the role revoker is missing' }] : []),
  ];
}

function anchorAdvice(place: string, anchor: TrustAnchor): readonly Advice[] {
  if (anchor.kind !== 'oidc') return [];
  const workload = anchor.github ?? anchor.gitlab;
  return [
    ...(anchor.identityPattern === undefined
      ? []
      : [{ place, message: `a pattern names nobody in particular: all it matches count as one` }]),
    ...(workload !== undefined && workload.ref === undefined
      ? [{ place, message: `${workload.repository}: any branch or tag may sign; name a ref` }]
      : []),
    ...(workload !== undefined && workload.repositoryId === undefined
      ? [{ place, message: `${workload.repository}: names can be taken over; add repositoryId` }]
      : []),
    ...(workload !== undefined && workload.workflow === undefined
      ? [{ place, message: `${workload.repository}: any workflow may sign; name one` }]
      : []),
  ];
}

function environmentAdvice(
  environment: Environment,
  { policy, index }: { policy: Policy; index: number },
): readonly Advice[] {
  const place = `environments.${environment.name}`;
  const last = index === policy.environments.length - 1;
  return [
    ...(index > 0 && environment.after === undefined
      ? [{ place, message: 'follows no environment: what enters it need not have been anywhere before' }]
      : []),
    ...(last && environment.approvals === undefined
      ? [{ place, message: 'nobody approves what enters the last environment' }]
      : []),
    ...(last && environment.maxAgeMs === undefined
      ? [{ place, message: 'a promotion never expires: set maxAge (its promoters then sign with `--tsa` or keyless)' }]
      : []),
    ...(last && environment.revocations === undefined
      ? [{ place, message: 'old news of revocations will do: set revocations.required' }]
      : []),
    ...(environment.lineage.required ? [] : [{ place, message: 'asks for no lineage' }]),
    ...(environment.require.length === 0 ? [{ place, message: 'requires no claim' }] : []),
  ];
}
