import { createHash, generateKeyPairSync, sign, X509Certificate } from 'node:crypto';
import type { TestContext } from 'node:test';
import { bundleOf } from '../../src/adapters/keys/bundle.ts';
import { preAuthEncoding } from '../../src/domain/claims/dsse.ts';
import { PREDICATES } from '../../src/domain/claims/predicates.ts';
import { buildStatement } from '../../src/domain/claims/statement.ts';
import { findingsOf, verdictOf, type Finding, type Verdict } from '../../src/domain/base/verdict.ts';
import { parsePolicy } from '../../src/domain/policy/parse.ts';
import { attachClaim, type Attachment } from '../../src/flows/registry/attach.ts';
import { audit } from '../../src/flows/watch/audit.ts';
import { checkEnvironment } from '../../src/flows/gate/environment.ts';
import {
  AUTHORITY,
  CODE_SIGNING,
  DIGITAL_SIGNATURE,
  alternativeNames,
  certificate,
} from '../adapters/sigstore/x509.ts';
import { manifest } from '../domain/policy/world.ts';
import { bare, gateWorld, policyText, promoteAs, type GateWorld } from '../flows/gate-world.ts';

/** What is asked of the gate in tests of a "no": every way in, under any policy, at any time. */
export async function world(t: TestContext): Promise<GateWorld> {
  const made = await gateWorld();
  t.after(made.close);
  return made;
}

export function at(of: GateWorld, time: string): GateWorld {
  return { ...of, ports: { ...of.ports, clock: { now: () => new Date(time) } } };
}

/** Codes and exit code. */
export type Answer = readonly [codes: readonly string[], exit: number];

export function answerOf(verdict: Verdict): Answer {
  return [[...new Set(findingsOf(verdict).map(({ code }) => code))].toSorted(), verdict.exitCode];
}

/** Every question to which the answer must be no: promote, verify --env, audit. */
export async function answers(of: GateWorld, id: string, text = policyText()): Promise<Record<string, Answer>> {
  const policy = parsePolicy(text);
  const { checks } = await checkEnvironment(
    { id, name: 'acme/enc', policy, environment: 'staging' },
    of.registry,
    of.ports,
  );
  const audited = await audit({ policy, environments: ['staging'] }, of.registry, of.ports);
  return {
    promote: answerOf((await promoteAs(of, 'ci', 'staging', { text, dryRun: true })).verdict),
    verify: answerOf(verdictOf({ subject: id, checks })),
    ...Object.fromEntries(audited.promotions.map(({ verdict }) => ['audit', answerOf(verdict)])),
  };
}

export function messages(verdict: Pick<Verdict, 'checks'>): readonly Finding['message'][] {
  return findingsOf(verdict).map(({ message }) => message);
}

export async function attach(of: GateWorld, id: string, bundle: Uint8Array, over: Partial<Attachment> = {}) {
  return attachClaim({ name: 'acme/enc', manifest: id, bundle, ...over }, of.registry);
}

export const REVOCATION = { kind: 'revocation' } as const;

export function revocationOf(id: string): Record<string, unknown> {
  return { version: 1, action: 'revoke', target: { kind: 'artifact', sha256: bare(id) }, reason: 'stolen weights' };
}

/** Somebody with a certificate of a private authority, valid for 90 days. */
export interface Certified {
  readonly identity: string;
  /** For `certificates:` of a policy. */
  readonly chain: string;
  readonly sign: (type: string, about: string, predicate: Record<string, unknown>) => Uint8Array;
}

export function certified(identity: string, from: string): Certified {
  const ec = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const ca = { subject: 'acme root', key: ec() };
  const key = ec();
  const start = new Date(from);
  const later = (days: number) => new Date(start.getTime() + days * 86_400_000);
  const root = certificate({ ...ca, issuer: ca, notBefore: later(-400), notAfter: later(4000), extensions: AUTHORITY });
  const leaf = certificate({
    subject: identity,
    key,
    issuer: ca,
    notBefore: start,
    notAfter: later(90),
    extensions: [DIGITAL_SIGNATURE, CODE_SIGNING, alternativeNames(`email:${identity}`)],
  });
  return {
    identity,
    chain: new X509Certificate(root).toString(),
    sign: (type, about, predicate) => {
      const payload = buildStatement([manifest(about)], type, predicate);
      return bundleOf({
        key: { chain: [leaf, root] },
        payload,
        signature: sign('sha256', preAuthEncoding(payload), key),
      });
    },
  };
}

/** The story's policy with one more person in the roles given. */
export function policyWith(name: string, anchors: object, roles: readonly string[], text = policyText()): Buffer {
  const principal = `  ${name}: ${JSON.stringify(anchors)}\n`;
  const joined = roles.reduce(
    (words, role) => words.replace(new RegExp(`(\\n  ${role}: \\[)`), `$1${name}, `),
    text.toString(),
  );
  return Buffer.from(joined.replace('principals:\n', `principals:\n${principal}`));
}

export function failed(): Record<string, unknown> {
  return { result: 'FAILED', configuration: [] };
}

export function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

export { PREDICATES };
