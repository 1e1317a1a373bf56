import { createHash, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { bundleOf } from '../../../src/adapters/keys/bundle.ts';
import { preAuthEncoding } from '../../../src/domain/claims/dsse.ts';
import { PREDICATES, buildTypeOf, type Role, type Step } from '../../../src/domain/claims/predicates.ts';
import { buildStatement } from '../../../src/domain/claims/statement.ts';
import type { Subject, TrustEntry, VerifiedClaim } from '../../../src/domain/claims/types.ts';
import { verifyClaim } from '../../../src/domain/trust/verify-claim.ts';
import { compileAssertion, type CompiledAssertion } from '../../../src/domain/policy/cel.ts';
import { caseOf, evaluate, type Evaluation } from '../../../src/domain/policy/evaluate.ts';
import type { Case, GateFacts } from '../../../src/domain/policy/facts.ts';
import { parsePolicy } from '../../../src/domain/policy/parse.ts';
import type { Policy } from '../../../src/domain/authority/types.ts';
import { approvalProperty, buildPromotion, type PromotionParts } from '../../../src/domain/authority/vsa.ts';
import { omsHint } from '../../../src/domain/pki/keys.ts';
import { exitOf, findingsOf, type Finding } from '../../../src/domain/base/verdict.ts';
import type { LogEntry } from '../../../src/domain/tlog/leaf.ts';

/** People with real keys, who really sign; every claim here was verified by the code that ships. */
export interface Person {
  readonly key: KeyObject;
  readonly pem: string;
  /** As it stands in a policy: base64 of the SPKI DER. */
  readonly line: string;
}

export const NAMES = ['dana', 'anna', 'erin', 'bob', 'carol', 'ci', 'rita', 'rob', 'glen', 'mallory'] as const;
export type Name = (typeof NAMES)[number];

export const people = Object.fromEntries(NAMES.map((name) => [name, makePerson()])) as Record<Name, Person>;

function makePerson(): Person {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const line = publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
  return { key: privateKey, pem: publicKey.export({ type: 'spki', format: 'pem' }).toString(), line };
}

const TRUST: readonly TrustEntry[] = NAMES.map((name) => ({ name, anchor: { kind: 'key', pem: people[name].pem } }));

export interface Say {
  readonly by: Name;
  readonly type: string;
  readonly about: string | readonly Subject[];
  readonly predicate: Record<string, unknown>;
  /** When an RFC 3161 authority saw it; absent: nobody did. */
  readonly at?: string;
  readonly name?: string;
}

/** Signs with a real key and verifies the bundle; only the timestamp authority is a stand-in. */
export async function claim(say: Say): Promise<VerifiedClaim> {
  const outcome = await verifyClaim(bundleFor(say), { trust: TRUST, keyless: null, now: NOW });
  if (!outcome.trusted) throw new Error(outcome.refusal.message);
  return say.at === undefined
    ? outcome.claim
    : { ...outcome.claim, times: [{ time: say.at, source: 'rfc3161', authority: 'tsa' }] };
}

/** The bundle's bytes, as a registry or `claims.jsonl` holds them. */
export function bundleFor({ by, type, about, predicate, name }: Say): Uint8Array {
  const subjects = typeof about === 'string' ? [manifest(about, name)] : about;
  return signBundle(by, buildStatement(subjects, type, predicate));
}

/** @param stamp an RFC 3161 token over the signature. */
export function signBundle(by: Name, payload: Uint8Array, stamp?: (signature: Uint8Array) => Uint8Array): Uint8Array {
  const signature = sign('sha256', preAuthEncoding(payload), people[by].key);
  const timestamps = stamp === undefined ? [] : [stamp(signature)];
  return bundleOf({ key: { hint: omsHint(people[by].pem) }, payload, signature, timestamps });
}

export function manifest(digest: string, name = 'acme/enc'): Subject {
  return { name, digest: { sha256: digest }, annotations: { kind: 'manifest' } };
}

export function hex(word: string): string {
  return createHash('sha256').update(word).digest('hex');
}

export interface InputWords {
  readonly role?: Role;
  readonly of: string;
  readonly digest?: Readonly<Record<string, string>>;
}

/** A provenance predicate of one of our steps. */
export function built(
  step: Step,
  inputs: readonly InputWords[],
  times: { startedOn?: string; finishedOn?: string } = {},
): Record<string, unknown> {
  return {
    buildDefinition: {
      buildType: buildTypeOf(step),
      externalParameters: {},
      resolvedDependencies: inputs.map(({ role, of, digest }) => ({
        name: of,
        digest: digest ?? { sha256: hex(of) },
        ...(role === undefined ? {} : { annotations: { role } }),
      })),
    },
    runDetails: { builder: { id: 'https://builder.acme.example' }, metadata: times },
  };
}

export const NOW = new Date('2026-11-20T12:00:00Z');
export const D0 = hex('d0');
export const BASE = hex('base');
export const TUNED = hex('tuned');
export const MODEL = hex('model');
export const ID = `sha256:${MODEL}`;
export const ORIGIN = 'log.acme.example';

/** dataset d0 → train base → fine-tune with dataset d1 → quantize: with every claim the policy below wants. */
export async function honest(): Promise<
  Record<'d0' | 'd1' | 'base' | 'tuned' | 'model' | 'bom' | 'evaluation' | 'bob' | 'carol', VerifiedClaim>
> {
  const dataset = (digest: string, at: string): Promise<VerifiedClaim> =>
    claim({
      by: 'dana',
      type: PREDICATES.reference,
      about: digest,
      predicate: { attester: { id: 'dana' }, references: [] },
      at,
      name: 'acme/data',
    });
  return {
    d0: await dataset(D0, '2026-11-01T08:00:00Z'),
    d1: await dataset(hex('d1'), '2026-11-01T08:00:00Z'),
    base: await step('train', BASE, [{ role: 'dataset', of: 'd0' }], '2026-11-01T10:00:00Z'),
    tuned: await step(
      'fine-tune',
      TUNED,
      [
        { role: 'base-model', of: 'base' },
        { role: 'dataset', of: 'd1' },
        { role: 'code', of: 'git', digest: { gitCommit: 'a'.repeat(40) } },
      ],
      '2026-11-02T10:00:00Z',
    ),
    model: await step('quantize', MODEL, [{ role: 'base-model', of: 'tuned' }], '2026-11-03T10:00:00Z'),
    bom: await claim({
      by: 'anna',
      type: PREDICATES.bom,
      about: MODEL,
      predicate: bomOf('Apache-2.0'),
      at: '2026-11-03T11:00:00Z',
    }),
    evaluation: await evaluation('PASSED'),
    bob: await approval('bob'),
    carol: await approval('carol'),
  };
}

/** The same with some of them another, or none. */
export async function honestBut(
  over: Partial<Record<keyof Awaited<ReturnType<typeof honest>>, VerifiedClaim | null>> = {},
): Promise<readonly VerifiedClaim[]> {
  return Object.values({ ...(await honest()), ...over }).flatMap((each) => each ?? []);
}

/** What was found, as tests name it. */
export function said(findings: readonly Finding[]): readonly string[] {
  return findings.map((finding) => `${finding.code} ${exitOf(finding)}: ${finding.message}`);
}

export function bomOf(licence: string): Record<string, unknown> {
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.7',
    metadata: {
      component: {
        type: 'machine-learning-model',
        name: 'enc',
        version: '1',
        licenses: [{ license: { id: licence } }],
      },
    },
  };
}

export async function step(
  name: Step,
  about: string,
  inputs: readonly InputWords[],
  at: string,
  by: Name = 'anna',
): Promise<VerifiedClaim> {
  const began = new Date(Date.parse(at) - 1_800_000).toISOString();
  return claim({
    by,
    type: PREDICATES.provenance,
    about,
    predicate: built(name, inputs, { startedOn: began, finishedOn: at }),
    at,
  });
}

export async function evaluation(
  result: string,
  at = '2026-11-19T12:00:00Z',
  by: Name = 'erin',
): Promise<VerifiedClaim> {
  return claim({ by, type: PREDICATES.evaluation, about: MODEL, predicate: { result, configuration: [] }, at });
}

export async function approval(
  by: Name,
  environment = 'prod',
  about = MODEL,
  timeCreated = '2026-11-19T13:00:00Z',
): Promise<VerifiedClaim> {
  const predicate = {
    verifier: { id: `https://acme.example/${by}`, policies: [] },
    timeCreated,
    properties: [approvalProperty(environment)],
  };
  return claim({ by, type: PREDICATES.approval, about, predicate, at: '2026-11-19T13:00:00Z' });
}

export async function promotion(
  policy: Policy,
  over: Partial<PromotionParts> & { by?: Name; about?: string; at?: Date; verified?: string | null } = {},
): Promise<VerifiedClaim> {
  const at = over.at ?? new Date('2026-11-20T10:00:00Z');
  const predicate = buildPromotion({
    verifier: 'https://acme.example/ci',
    origin: ORIGIN,
    name: 'acme/enc',
    environment: 'prod',
    policy,
    inputs: [],
    passed: true,
    ...over,
    at,
  });
  const verified = over.verified === null ? {} : { at: over.verified ?? at.toISOString() };
  return claim({ by: over.by ?? 'ci', type: PREDICATES.promotion, about: over.about ?? MODEL, predicate, ...verified });
}

export function logged(index: number, of: VerifiedClaim, env: string, over: Partial<LogEntry['leaf']> = {}): LogEntry {
  return {
    index,
    leaf: { v: 1, kind: 'promotion', name: 'acme/enc', manifest: ID, bundle: `sha256:${of.bundle}`, env, ...over },
  };
}

export const PRINCIPALS = NAMES.filter((name) => name !== 'mallory')
  .map((name) => `  ${name}: { keys: [${people[name].line}] }`)
  .join('\n');
export const ROLES = `
  publisher: [dana]
  trainer: [anna]
  evaluator: [erin]
  approver: [bob, carol, anna]
  promoter: [ci]
  scanner: [erin]
  revoker: [rita, rob]
  break-glass: [glen]`;

export function policy(environments: string, rest = '', roles = ROLES): Policy {
  return parsePolicy(
    Buffer.from(
      `format: weighmark-policy/1\nname: acme\nversion: 1\nexpires: 2030-01-01\nprincipals:\n${PRINCIPALS}\nroles:${roles}\n${rest}\nenvironments:\n${environments}\n`,
    ),
  );
}

export const PROD = `
  - name: prod
    require: [bom, { claim: evaluation, role: evaluator, maxAge: 30d, where: predicate.result == "PASSED" }]
    approvals: 2
    licences: { allow: [Apache-2.0, MIT] }`;

export function facts(claims: readonly VerifiedClaim[], over: Partial<GateFacts> = {}): GateFacts {
  return {
    id: ID,
    name: 'acme/enc',
    aliases: [],
    carriedFrom: [],
    claims,
    revocations: [],
    now: NOW,
    log: {
      origin: ORIGIN,
      promotions: [],
      rootAt: () => null,
      highestSnapshot: null,
      strangers: new Set(),
      findings: [],
    },
    content: { formats: new Map([['model.gguf', 'gguf']]), declaredBases: [] },
    ...over,
  };
}

export function caseFor(given: GateFacts, under: Policy, environment = 'prod'): Case {
  const found = under.environments.find(({ name }) => name === environment);
  if (found === undefined) throw new Error(`no environment ${environment}`);
  return caseOf(given, under, found);
}

export function decide(given: GateFacts, under: Policy, environment = 'prod'): Evaluation {
  return evaluate(caseFor(given, under, environment));
}

let compiled = 0;

/** What is compiled is kept by its text: under another one it is compiled anew. */
export function compileAnew(source: string): CompiledAssertion {
  return compileAssertion(source + ' '.repeat((compiled += 1)));
}

/** The codes of a refusal, each once, sorted; empty: it passed. */
export function codes(evaluation: Evaluation): readonly string[] {
  return [...new Set(findingsOf(evaluation).map(({ code }) => code))].toSorted();
}
