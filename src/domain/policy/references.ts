import { readCertificates } from '../pki/certificates.ts';
import type { TrustAnchor } from '../claims/types.ts';
import { instanceOf } from '../trust/instance.ts';
import { readPublicKey } from '../pki/keys.ts';
import { keyFingerprint } from '../pki/spki.ts';
import { parseVkey } from '../tlog/note.ts';
import { canonicalJson } from '../base/json.ts';
import { compileAssertion } from './cel.ts';
import type { Problem } from './conforms.ts';
import { levelOf } from '../authority/vsa.ts';
import { BREAK_GLASS_ROLE, PROMOTER_ROLE, type Environment, type LogRule, type Policy } from '../authority/types.ts';

/** What a schema cannot say: every name resolves, nothing is ambiguous, nothing is promised that nobody can fulfil. */
export function checkReferences(policy: Policy): readonly Problem[] {
  return [
    ...dateProblems(policy),
    ...roleProblems(policy),
    ...policy.environments.flatMap((environment, index) => environmentProblems(policy, environment, index)),
    ...sharedAnchors(policy),
    ...formerProblems(policy),
    ...breakGlassProblems(policy),
    ...otherNames(policy),
  ];
}

function dateProblems(policy: Policy): readonly Problem[] {
  const dates: [string, string][] = [
    ['/expires', policy.expires],
    ...(policy.formerly ?? []).map(({ until }, index): [string, string] => [`/formerly/${index}/until`, until]),
    ...(policy.accepts ?? []).map(({ until }, index): [string, string] => [`/accepts/${index}/until`, until]),
    ...policy.leaves.map((leaf, index): [string, string] => [`/leaves/${index}/expires`, leaf.expires]),
    ...policy.exceptions.map((exception, index): [string, string] => [
      `/exceptions/${index}/expires`,
      exception.expires,
    ]),
    ...policy.suppressions.map((suppression, index): [string, string] => [
      `/suppressions/${index}/expires`,
      suppression.expires,
    ]),
  ];
  return dates
    .filter(([, date]) => !isRealDate(date))
    .map(([path, date]) => ({ path, message: `there is no such time: ${date}` }));
}

/** `Date` rolls 31 February over; a real date survives the round trip. */
function isRealDate(time: string): boolean {
  const date = new Date(time);
  return !Number.isNaN(date.getTime()) && date.toISOString() === time.replace('Z', '.000Z');
}

function roleProblems(policy: Policy): readonly Problem[] {
  const known = new Set(policy.principals.map((principal) => principal.name));
  return policy.roles.flatMap((role) => [
    ...role.principals
      .filter((name) => !known.has(name))
      .map((name) => problem(`/roles/${role.name}`, `there is no principal ${name}`)),
    ...(new Set(role.principals).size < role.principals.length
      ? [problem(`/roles/${role.name}`, 'names a principal twice')]
      : []),
    ...(role.predicates.length === 0 ? [problem(`/roles/${role.name}`, 'says nothing it may sign: add `signs`')] : []),
  ]);
}

function environmentProblems(policy: Policy, environment: Environment, index: number): readonly Problem[] {
  const path = `/environments/${index}`;
  const roles = new Set(policy.roles.map((role) => role.name));
  const earlier = policy.environments.slice(0, index).map((other) => other.name);
  const named = [
    ...environment.require.flatMap((rule) => rule.role ?? []),
    ...(environment.approvals === undefined ? [] : [environment.approvals.role]),
    ...(environment.scan === undefined ? [] : [environment.scan.role]),
    ...[environment.derivation?.role].flatMap((role) => role ?? []),
    ...environment.separation.flat(),
  ];
  const expressions = [
    ...environment.require.flatMap((rule) => rule.where ?? []),
    ...environment.assert.map((rule) => rule.cel),
  ];
  return [
    ...(earlier.includes(environment.name) ? [problem(path, `there are two environments ${environment.name}`)] : []),
    ...(earlier.some((other) => other !== environment.name && levelOf(other) === levelOf(environment.name))
      ? [problem(path, `a VSA cannot tell apart ${environment.name} and an earlier environment`)]
      : []),
    ...(environment.after !== undefined && !earlier.includes(environment.after)
      ? [problem(`${path}/after`, `${environment.after} is no earlier environment`)]
      : []),
    ...named.filter((name) => !roles.has(name)).map((name) => problem(path, `there is no role ${name}`)),
    ...approvalProblems(policy, environment, path),
    ...expressions.flatMap((cel) => celProblem(cel, path)),
  ];
}

function approvalProblems(policy: Policy, { approvals }: Environment, path: string): readonly Problem[] {
  const people = policy.roles.find((role) => role.name === approvals?.role)?.principals.length ?? 0;
  if (approvals === undefined || people >= approvals.count) return [];
  return [
    problem(
      `${path}/approvals`,
      `${approvals.count} approvals are wanted, but ${approvals.role} has ${people} principals`,
    ),
  ];
}

function celProblem(cel: string, path: string): readonly Problem[] {
  try {
    compileAssertion(cel);
    return [];
  } catch (error) {
    return [problem(path, `${cel.slice(0, 80)}: ${error instanceof Error ? error.message : String(error)}`)];
  }
}

/** One key or identity under two principals would let one person count as two (security rule 12). */
function sharedAnchors(policy: Policy): readonly Problem[] {
  const owners = new Map<string, string>();
  const problems: Problem[] = [];
  for (const principal of policy.principals) {
    for (const key of principal.anchors.flatMap(anchorKeys)) {
      const owner = owners.get(key);
      if (owner !== undefined)
        problems.push(
          problem(
            `/principals/${principal.name}`,
            owner === principal.name ? 'gives one key or identity twice' : `shares a key or identity with ${owner}`,
          ),
        );
      owners.set(key, principal.name);
    }
  }
  return problems;
}

/** A former principal's keys are nobody else's, of today or before: what they said is not another's word. */
function formerProblems({ principals, formerly = [] }: Policy): readonly Problem[] {
  const owners = new Map(
    [...formerly.toReversed(), ...principals].flatMap(({ name, anchors }) =>
      anchors.flatMap(anchorKeys).map((key) => [key, name]),
    ),
  );
  return formerly.flatMap(({ name, anchors }, index) =>
    anchors
      .flatMap(anchorKeys)
      .map((key) => owners.get(key) ?? name)
      .filter((owner) => owner !== name)
      .map((owner) => problem(`/formerly/${index}`, `shares a key or identity with ${owner}`)),
  );
}

/** What makes two anchors the same signer. */
function anchorKeys(anchor: TrustAnchor): readonly string[] {
  if (anchor.kind === 'key') return [readPublicKey(anchor.pem).fingerprint];
  if (anchor.kind === 'certificate')
    return [
      ...new Set(
        readCertificates(anchor.pem).map(({ publicKey }) => `${keyFingerprint(publicKey)} ${anchor.identity ?? ''}`),
      ),
    ];
  const { trustedRoot, ...identity } = anchor;
  return [canonicalJson({ ...identity, instance: instanceOf(trustedRoot) })];
}

/** Who may break the glass may do nothing else (security rule 13). */
function breakGlassProblems(policy: Policy): readonly Problem[] {
  const breakers = policy.roles.find((role) => role.name === BREAK_GLASS_ROLE)?.principals ?? [];
  const others = policy.roles.filter((role) => role.name !== BREAK_GLASS_ROLE);
  return breakers.flatMap((name) => {
    const held = others.find((role) => role.principals.includes(name));
    return held === undefined
      ? []
      : [problem(`/roles/${BREAK_GLASS_ROLE}`, `${name} also holds the role ${held.name}`)];
  });
}

function otherNames(policy: Policy): readonly Problem[] {
  const principals = new Set(policy.principals.map((principal) => principal.name));
  const environments = new Set(policy.environments.map((environment) => environment.name));
  return [
    ...(policy.roles.some((role) => role.name === PROMOTER_ROLE)
      ? []
      : [problem('/roles', 'nobody may promote: the role promoter is missing')]),
    ...policy.summaries.flatMap(({ principal }, index) =>
      principals.has(principal) ? [] : [problem(`/summaries/${index}`, `there is no principal ${principal}`)],
    ),
    ...policy.exceptions.flatMap(({ environment }, index) =>
      environments.has(environment) ? [] : [problem(`/exceptions/${index}`, `there is no environment ${environment}`)],
    ),
    ...(policy.log === undefined ? [] : witnessProblems(policy.log)),
  ];
}

/** A witness is a name and its keys; a key under two names, or the log's own, would vouch for itself. */
function witnessProblems({ key, witnesses }: LogRule): readonly Problem[] {
  if (witnesses === undefined) return [];
  const owners = new Map<string, string>();
  const problems: Problem[] = [];
  for (const { name, raw } of [key, ...witnesses.keys].map(readVkey)) {
    const owner = owners.get(raw);
    if (owner !== undefined) problems.push(problem('/log/witnesses', `${name} has a key that stands there already`));
    owners.set(raw, name);
  }
  const names = new Set(witnesses.keys.map(readVkey).map(({ name }) => name));
  return witnesses.quorum > names.size
    ? [...problems, problem('/log/witnesses', 'the quorum is larger than the number of witnesses')]
    : problems;
}

/** What is no verifier key stands for itself: whoever uses it refuses it. */
function readVkey(vkey: string): { readonly name: string; readonly raw: string } {
  try {
    const { name, key } = parseVkey(vkey);
    return { name, raw: Buffer.from(key).toString('hex') };
  } catch {
    return { name: vkey, raw: vkey };
  }
}

function problem(path: string, message: string): Problem {
  return { path, message };
}
