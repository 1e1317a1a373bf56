import type { Environment, Policy } from '../../src/domain/authority/types.ts';
import { approvalProperty, buildPromotion } from '../../src/domain/authority/vsa.ts';
import { PREDICATES, buildTypeOf, type Role, type Step } from '../../src/domain/claims/predicates.ts';
import { subject, type MatchedArtifact } from '../../src/domain/claims/subjects.ts';
import type { Subject, VerifiedClaim } from '../../src/domain/claims/types.ts';
import { findingsOf, type Finding } from '../../src/domain/base/verdict.ts';
import { orphansBetween } from '../../src/domain/policy/orphans.ts';
import { orphanFindings } from '../../src/flows/gate/earlier-policies.ts';
import { omsRoot } from '../../src/domain/digest/root.ts';
import { roleOf } from '../../src/domain/policy/parse-role.ts';
import { caseOf, evaluate } from '../../src/domain/policy/evaluate.ts';
import { checkPromoted } from '../../src/domain/policy/promotions.ts';
import type { GateFacts, UnreadEntry } from '../../src/domain/policy/facts.ts';
import type { LogEntry } from '../../src/domain/tlog/leaf.ts';
import { readPublicKey } from '../../src/domain/pki/keys.ts';
import { ORIGIN, hex, people, type Name } from '../domain/policy/world.ts';
import type { By, Env, Say, Thing, World } from './world.ts';

/** A world of the reference as the gate sees it: the same claims, policy and log, asked in process. */
export interface Asked {
  readonly mayEnter: readonly string[];
  readonly isPromoted: readonly string[];
}

/** The codes of both refusals; empty: yes. */
export function askGate(w: World, env: Env): Asked {
  const facts = factsOf(w);
  const log = { ...facts.log, orphans: orphansOf(w, facts, env) };
  const of = caseOf({ ...facts, log }, policyOf(w), environmentOf(env));
  const codesIn = (found: readonly { readonly code: string }[]) =>
    [...new Set(found.map(({ code }) => code))].toSorted();
  const promoted = checkPromoted(of, environmentOf(env), { lasting: false });
  return { mayEnter: codesIn(findingsOf(evaluate(of))), isPromoted: codesIn(promoted.findings) };
}

/** What would cease to count since the policy before. */
function orphansOf(w: World, { claims, id, aliases }: GateFacts, env: Env): readonly Finding[] {
  const { before } = w.policy;
  if (before === null) return [];
  const then = { ...w, policy: { ...w.policy, ...before, former: [] } };
  const heard = w.says.filter((say) => !say.lost && !isUnheard(say) && before.people.includes(say.by));
  const given = { policy: policyOf(then), claims: heard.map((say) => claimOf(w, say)) };
  const entries = w.says.flatMap((say) => entryOf(w, say)).toSorted((a, b) => a.index - b.index);
  const found = orphansBetween(given, { policy: policyOf(w), claims }, { origin: ORIGIN, entries });
  return orphanFindings(
    found.map((orphan) => ({ orphan, before: given.policy })),
    { digests: [...idsIn(w, id), ...aliases], name: w.name, environment: environmentOf(env), lineage: new Set() },
  );
}

function idsIn(w: World, id: string): readonly string[] {
  const asked = w.things.map(matchedOf).find(({ ids }) => ids?.includes(id));
  return (asked?.ids ?? []).map((each) => each.slice('sha256:'.length));
}

function isUnheard({ state }: Say): boolean {
  return state === 'unread' || state === 'unproven';
}

function policyOf({ policy }: World): Policy {
  return {
    name: 'acme',
    version: policy.version,
    meaning: 'what it asks for',
    formerly: policy.former.map(({ person, until, roles }) => ({
      name: person,
      anchors: [{ kind: 'key', pem: people[person as Name].pem }],
      until: new Date(until).toISOString(),
      ...(roles === null ? {} : { roles }),
    })),
    accepts:
      policy.accepts === null
        ? []
        : [{ digest: policyDigest(policy.accepts.version), until: new Date(policy.accepts.until).toISOString() }],
    expires: new Date(policy.expires).toISOString(),
    digest: policyDigest(policy.version),
    principals: policy.people.map((name) => ({
      name,
      anchors: [{ kind: 'key', pem: people[name as Name].pem }],
      ids: [],
    })),
    roles: Object.entries(policy.roles).map(([name, role]) => ({
      ...roleOf(name, role.people),
      models: role.names ?? ['**'],
    })),
    environments: policy.envs.map(environmentOf),
    leaves: policy.leaves.map(({ thing, by, role, expires }) => ({
      sha256: digestOf(thing, by),
      role: role as Role,
      reason: 'reviewed',
      expires: new Date(expires).toISOString(),
    })),
    summaries: [],
    exceptions: [],
    suppressions: [],
    timestampAuthorities: [],
  };
}

function environmentOf(env: Env): Environment {
  const { name, after, separation, approvals, approvalAge, lineage, age, reinstate } = env;
  const types = { bom: PREDICATES.bom, evaluate: PREDICATES.evaluation };
  return {
    name,
    ...(after === null ? {} : { after }),
    require: env.require.map((kind) => ({ predicateType: types[kind], label: kind })),
    ...(approvals === 0
      ? {}
      : {
          approvals: { count: approvals, role: 'approver', ...(approvalAge === null ? {} : { maxAgeMs: approvalAge }) },
        }),
    separation,
    lineage: {
      required: lineage.required,
      maxDepth: lineage.depth,
      ...(lineage.age === null ? {} : { maxAgeMs: lineage.age }),
    },
    assert: [],
    ...(age === null ? {} : { maxAgeMs: age }),
    revocations: { required: false, reinstate },
  };
}

function factsOf(w: World): GateFacts {
  const named = new Set([...w.policy.people, ...w.policy.former.map(({ person }) => person)]);
  const claims = w.says
    .filter((say) => !say.lost && !isUnheard(say) && named.has(say.by))
    .map((say) => claimOf(w, say));
  const byBundle = new Map(claims.map((claim) => [claim.bundle, claim]));
  const asked = thingIn(w, w.asked);
  return {
    id: `sha256:${digestOf(asked.key, w.askedAs)}`,
    name: w.name,
    aliases: asked.single ? [digestOf(asked.key, 'file')] : [],
    carriedFrom: [],
    known: w.things.map(matchedOf),
    claims,
    revocations: w.says.flatMap((say) => {
      const claim = byBundle.get(hex(`bundle ${say.bundle}`));
      return 'target' in say.what && claim !== undefined ? [{ claim, index: say.log }] : [];
    }),
    log: {
      origin: ORIGIN,
      promotions: w.says
        .flatMap((say) => (say.what.kind === 'promote' ? entryOf(w, say) : []))
        .toSorted((a, b) => a.index - b.index),
      rootAt: () => null,
      highestSnapshot: null,
      strangers: new Set(w.says.flatMap(({ by, bundle }) => (named.has(by) ? [] : [hex(`bundle ${bundle}`)]))),
      absent: w.says.flatMap((say) => (say.lost && 'target' in say.what && named.has(say.by) ? entryOf(w, say) : [])),
      unread: w.says.flatMap((say) =>
        isUnheard(say) && !say.lost && named.has(say.by) ? entryOf(w, say).map((entry) => unreadOf(w, say, entry)) : [],
      ),
      findings: [],
    },
    policies: new Map([
      ...[1, 2, 3, 4].map((version) => [policyDigest(version), `what ${version} asks for`] as const),
      ...w.policy.sameAs.map((version) => [policyDigest(version), 'what it asks for'] as const),
    ]),
    content: { formats: new Map([['data', 'unknown']]), declaredBases: [] },
    now: new Date(w.now),
  };
}

function entryOf(w: World, { bundle, log, about, what }: Say): readonly LogEntry[] {
  if (log === null) return [];
  const leaf = {
    v: 1,
    kind: what.kind === 'promote' ? 'promotion' : 'revocation',
    name: w.name,
    manifest: `sha256:${digestOf(about, 'id')}`,
    bundle: `sha256:${hex(`bundle ${bundle}`)}`,
    ...(what.kind === 'promote' ? { env: what.env } : {}),
  } as const;
  return [{ index: log, leaf }];
}

function unreadOf(w: World, say: Say, entry: LogEntry): UnreadEntry {
  const { bundle, pae, statement } = claimOf(w, say);
  const proven = say.state === 'unread';
  const why = { code: 'claim-malformed', message: 'not to be read' } as const;
  return { bundle, pae, statement: proven ? null : statement, names: [say.by], proven, why, entry };
}

function claimOf(w: World, say: Say): VerifiedClaim {
  const { fingerprint } = readPublicKey(people[say.by as Name].pem);
  return {
    bundle: hex(`bundle ${say.bundle}`),
    pae: hex(`content ${say.content}`),
    // The same words in another bundle were signed anew: what is only wrapped anew is test/security/replayed.test.ts.
    act: hex(`act ${say.bundle}`),
    statement: { _type: 'https://in-toto.io/Statement/v1', subject: subjectsOf(w, say), ...predicateOf(w, say) },
    signer: { kind: 'key', fingerprint, keyType: 'P-256' },
    keys: [fingerprint],
    ...(say.state === 'lapsed' ? { onlyNo: { code: 'certificate-expired', message: 'it expired' } } : {}),
    times: say.at === null ? [] : [{ time: new Date(say.at).toISOString(), source: 'rfc3161', authority: 'tsa' }],
  };
}

function subjectsOf(w: World, { about, as, also }: Say): readonly Subject[] {
  const { name } = thingIn(w, about);
  const own = subject(as === 'file' ? 'file' : 'manifest', name, digestOf(about, as));
  const other = subject('manifest', 'acme/other', hex('another thing'));
  return [own, ...(also ? [other] : [])];
}

function predicateOf(w: World, say: Say): { predicateType: string; predicate: Readonly<Record<string, unknown>> } {
  const { what } = say;
  if ('inputs' in what) return { predicateType: PREDICATES.provenance, predicate: stepOf(what.kind, what.inputs) };
  if (what.kind === 'describe') return { predicateType: PREDICATES.reference, predicate: { references: [] } };
  if (what.kind === 'bom') {
    const type = what.component === 'model' ? 'machine-learning-model' : 'data';
    return { predicateType: PREDICATES.bom, predicate: { bomFormat: 'CycloneDX', metadata: { component: { type } } } };
  }
  if (what.kind === 'evaluate')
    return { predicateType: PREDICATES.evaluation, predicate: { result: what.passed ? 'PASSED' : 'FAILED' } };
  if (what.kind === 'approve')
    return {
      predicateType: PREDICATES.approval,
      predicate: { verifier: { id: 'x', policies: [] }, properties: [approvalProperty(what.env)] },
    };
  if (what.kind === 'promote')
    return {
      predicateType: PREDICATES.promotion,
      predicate: buildPromotion({
        verifier: 'x',
        at: new Date(say.at ?? w.now),
        origin: ORIGIN,
        name: thingIn(w, say.about).name,
        environment: what.env,
        policy: { name: 'acme', version: what.policy, digest: policyDigest(what.policy) },
        inputs: what.knows.map((bundle) => hex(`bundle ${bundle}`)),
        passed: what.passed,
      }),
    };
  return {
    predicateType: PREDICATES.revocation,
    predicate: { version: 1, action: what.kind, reason: 'so', target: targetOf(what.target) },
  };
}

function stepOf(
  step: Step,
  inputs: readonly { thing: string; by: By; role: string | null }[],
): Record<string, unknown> {
  return {
    buildDefinition: {
      buildType: buildTypeOf(step),
      externalParameters: {},
      resolvedDependencies: inputs.map(({ thing, by, role }) => ({
        name: thing,
        digest: { sha256: digestOf(thing, by) },
        annotations: {
          ...(role === null ? {} : { role }),
          ...(by === 'id' || by === 'id2' ? { kind: 'manifest' } : {}),
        },
      })),
    },
    runDetails: { builder: { id: 'x' } },
  };
}

function targetOf(target: Extract<Say['what'], { target: unknown }>['target']): Record<string, unknown> {
  if (target.kind === 'thing') return { kind: 'artifact', sha256: digestOf(target.thing, target.by) };
  if (target.kind === 'content')
    return { kind: 'claim', sha256: hex(`content ${target.content}`), pae: hex(`content ${target.content}`) };
  return { kind: 'principal', name: target.person, since: new Date(target.since).toISOString() };
}

function digestOf(key: string, by: By): string {
  if (by === 'root') return omsRoot([hex(`file of ${key}`)]);
  return hex({ id: key, id2: `other id of ${key}`, file: `file of ${key}` }[by]);
}

/** A thing of several files has its root all the same, but the one file says nothing of it. */
function matchedOf({ key, single }: Thing): MatchedArtifact {
  const files = new Map([['data', digestOf(key, 'file')], ...(single ? [] : [['LICENSE', hex('MIT')] as const])]);
  const [id, other] = [`sha256:${digestOf(key, 'id')}`, `sha256:${digestOf(key, 'id2')}`];
  return { id, ids: [id, other], root: digestOf(key, 'root'), files, single };
}

function thingIn(w: World, key: string): Thing {
  const found = w.things.find((each) => each.key === key);
  if (found === undefined) throw new Error(`no thing ${key}`);
  return found;
}

function policyDigest(version: number): string {
  return `sha256:${hex(`policy ${version}`)}`;
}
