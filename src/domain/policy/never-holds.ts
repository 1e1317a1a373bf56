import { PREDICATES } from '../claims/predicates.ts';
import {
  BREAK_GLASS_ROLE,
  PROMOTER_ROLE,
  REVOKER_ROLE,
  type Environment,
  type Policy,
  type Principal,
  type RoleRule,
} from '../authority/types.ts';
import type { Advice } from './advice.ts';
import { MOST_GRACE_MS } from './promoted-under.ts';

/** What the caller believes beside the policy. */
export interface LintedWith {
  readonly now: Date;
  /** RFC 3161 authorities of the caller's own: they make times too. */
  readonly timestampAuthorities: readonly string[];
}

/**
 * What a valid policy asks and nothing can satisfy: ages of claims whose signers have no source of time, claims that nobody
 * may sign, a grace that is none, people who are placeholders.
 */
export function neverHolds(policy: Policy, given: LintedWith): readonly Advice[] {
  const people = peopleOf(policy, given);
  return [
    ...(Date.parse(policy.expires) <= given.now.getTime()
      ? [{ place: 'expires', message: `expired on ${policy.expires.slice(0, 10)}: everything is refused` }]
      : []),
    ...policy.environments.flatMap((environment) => environmentProblems(environment, people)),
    ...glassProblems(policy, people),
    ...graceProblems(policy, given.now),
    ...policy.principals.flatMap(placeholders),
  ];
}

interface People {
  readonly policy: Policy;
  /** Whether somebody else than the signer can say when they signed. */
  readonly hasTime: (principal: string) => boolean;
}

function peopleOf(policy: Policy, { timestampAuthorities }: LintedWith): People {
  const isStamped = policy.timestampAuthorities.length + timestampAuthorities.length > 0;
  const keyless = new Set(
    policy.principals.filter(({ anchors }) => anchors.some(({ kind }) => kind === 'oidc')).map(({ name }) => name),
  );
  return { policy, hasTime: (name) => isStamped || keyless.has(name) };
}

const WAY_OUT = 'name a timestamp authority in `timestampAuthorities` and sign with `--tsa`, or sign keyless';

function environmentProblems(environment: Environment, people: People): readonly Advice[] {
  const place = `environments.${environment.name}`;
  const { approvals, maxAgeMs, lineage, revocations } = environment;
  const promoters = holders(people.policy, ({ name }) => name === PROMOTER_ROLE);
  return [
    ...(maxAgeMs === undefined ? [] : timeless(`${place}.maxAge`, promoters, people)),
    ...environment.require.flatMap((rule, index) => claimProblems(`${place}.require[${index}]`, rule, people)),
    ...(environment.scan === undefined ? [] : scanProblems(`${place}.scan`, environment.scan, people)),
    ...(environment.derivation === undefined ? [] : derivationProblems(`${place}.derivation`, environment, people)),
    ...(approvals?.maxAgeMs === undefined
      ? []
      : timeless(
          `${place}.approvals.maxAge`,
          holders(people.policy, ({ name }) => name === approvals.role),
          people,
          approvals.count,
        )),
    ...(lineage.required ? lineageProblems(`${place}.lineage`, environment, people) : []),
    ...(revocations?.required === true && holders(people.policy, ({ name }) => name === REVOKER_ROLE).length === 0
      ? [
          {
            place: `${place}.revocations.required`,
            message: 'asks for a snapshot of the revocations, and nobody is a revoker',
          },
        ]
      : []),
  ];
}

function claimProblems(place: string, rule: Environment['require'][number], people: People): readonly Advice[] {
  const able = holders(
    people.policy,
    ({ name, predicates }) =>
      (rule.role === undefined || name === rule.role) && predicates.includes(rule.predicateType),
  );
  if (able.length === 0)
    return [
      {
        place,
        message: `nobody may sign ${rule.label}${rule.role === undefined ? '' : ` as ${rule.role}`}: give a role \`signs\``,
      },
    ];
  return rule.maxAgeMs === undefined ? [] : timeless(`${place}.maxAge`, able, people);
}

function derivationProblems(place: string, { derivation }: Environment, people: People): readonly Advice[] {
  const wanted = derivation?.role;
  const able = holders(
    people.policy,
    ({ name, predicates }) => (wanted === undefined || name === wanted) && predicates.includes(PREDICATES.derivation),
  );
  if (able.length > 0) return [];
  const who = wanted === undefined ? 'nobody may' : `nobody in the role ${wanted} may`;
  return [{ place, message: `${who} sign that a step was recomputed: give a role \`signs: [derivation]\`` }];
}

function scanProblems(place: string, scan: NonNullable<Environment['scan']>, people: People): readonly Advice[] {
  const scanners = holders(people.policy, ({ name }) => name === scan.role);
  return scan.maxAgeMs === undefined ? [] : timeless(`${place}.maxAge`, scanners, people);
}

function lineageProblems(place: string, { lineage }: Environment, people: People): readonly Advice[] {
  const makers = holders(people.policy, ({ predicates }) => predicates.includes(PREDICATES.provenance));
  if (makers.length === 0 && people.policy.leaves.length === 0 && people.policy.summaries.length === 0)
    return [{ place, message: 'asks how a model was made, and nobody may sign a step' }];
  return lineage.maxAgeMs === undefined ? [] : timeless(`${place}.maxAge`, makers, people);
}

/** @param wanted how many of them must have a time. */
function timeless(place: string, names: readonly string[], { hasTime }: People, wanted = 1): readonly Advice[] {
  const able = names.filter(hasTime);
  if (names.length === 0 || able.length >= wanted) return [];
  const who = names.filter((name) => !hasTime(name)).join(', ');
  return [{ place, message: `asks for an age, and nobody but ${who} would say when ${who} signed: ${WAY_OUT}` }];
}

function glassProblems(policy: Policy, people: People): readonly Advice[] {
  const breakers = holders(policy, ({ name }) => name === BREAK_GLASS_ROLE);
  const place = `roles.${BREAK_GLASS_ROLE}`;
  return timeless(place, breakers, people).map(({ message }) => ({
    place,
    message: message.replace('asks for an age', 'lasts 24 hours'),
  }));
}

function graceProblems({ accepts = [], digest }: Policy, now: Date): readonly Advice[] {
  return accepts.flatMap(({ digest: accepted, until }, index) => {
    const place = `accepts[${index}]`;
    const left = Date.parse(until) - now.getTime();
    if (accepted === digest) return [{ place, message: 'accepts itself' }];
    return left > MOST_GRACE_MS
      ? [{ place, message: `${until.slice(0, 10)} is more than 30 days ahead: no grace is that long` }]
      : [];
  });
}

/** What `init` and the pages write for somebody to replace. */
const PLACEHOLDER = /^ACME\/MODELS$|@example\.(?:com|org|net)$|^CHANGE[ _-]?ME/i;

function placeholders({ name, anchors }: Principal): readonly Advice[] {
  const words = anchors.flatMap((anchor) =>
    anchor.kind === 'oidc'
      ? [anchor.identity, anchor.github?.repository, anchor.gitlab?.repository].flatMap((word) => word ?? [])
      : [],
  );
  return words
    .filter((word) => PLACEHOLDER.test(word) && (word === word.toUpperCase() || word.includes('@')))
    .map((word) => ({ place: `principals.${name}`, message: `${word} is a placeholder: name who really signs` }));
}

function holders(policy: Policy, isRole: (role: RoleRule) => boolean): readonly string[] {
  return [...new Set(policy.roles.filter(isRole).flatMap(({ principals }) => principals))];
}

/** Who is asked for and lacks numbers: what can be revoked and never be let count again. */
export function fewRevokers(policy: Policy, wanted: number): readonly Advice[] {
  const revokers = holders(policy, ({ name }) => name === REVOKER_ROLE);
  return revokers.length === 0 || revokers.length >= wanted
    ? []
    : [
        {
          place: `roles.${REVOKER_ROLE}`,
          message: `\`revoke --undo\` takes ${wanted} revokers, and there ${revokers.length === 1 ? 'is' : 'are'} ${revokers.length}: set \`revocations.reinstate\`, or name more`,
        },
      ];
}
