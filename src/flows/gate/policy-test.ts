import { splitClaims } from '../../domain/claims/claims-file.ts';
import { PREDICATES } from '../../domain/claims/predicates.ts';
import type { VerifiedClaim } from '../../domain/claims/types.ts';
import { hear } from '../../domain/authority/speaker.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import { policyHearing } from '../../domain/authority/authority.ts';
import { parseCases, type PolicyCase } from '../../domain/policy/cases.ts';
import { caseOf, evaluate } from '../../domain/policy/evaluate.ts';
import type { Policy } from '../../domain/authority/types.ts';
import { readPromotion } from '../../domain/authority/vsa.ts';
import type { Files } from '../../domain/ports/files.ts';
import type { KeylessVerifier } from '../../domain/trust/keyless-verifier.ts';
import type { LogEntry } from '../../domain/tlog/leaf.ts';
import { findingsOf } from '../../domain/base/verdict.ts';
import { environmentOf } from './gate.ts';

export interface PolicyTestInput {
  readonly policy: Policy;
  /** Absolute path of the file of cases. */
  readonly cases: string;
  readonly timestampAuthorities: readonly string[];
  /** Absolute path of a claims file that a case names. */
  readonly locate: (path: string) => string;
}

export interface CaseResult {
  readonly name: string;
  readonly passed: boolean;
  readonly expected: 'pass' | readonly string[];
  /** Codes found, sorted; empty: it passed. */
  readonly found: readonly string[];
}

/** Asks the policy about each case and compares. @throws WeighmarkError `policy-invalid`, `not-found`, `claims-limit`. */
export async function testPolicy(
  input: PolicyTestInput,
  ports: { files: Files; keyless: () => Promise<KeylessVerifier> },
): Promise<readonly CaseResult[]> {
  const cases = parseCases(await ports.files.read(input.cases, LIMITS.policyBytes), input.cases);
  const results: CaseResult[] = [];
  for (const each of cases) results.push(await testCase(each, input, ports));
  return results;
}

async function testCase(
  each: PolicyCase,
  input: PolicyTestInput,
  ports: { files: Files; keyless: () => Promise<KeylessVerifier> },
): Promise<CaseResult> {
  const now = new Date(each.at);
  const verification = {
    trust: policyHearing(input.policy),
    keyless: ports.keyless,
    now,
    timestampAuthorities: [...input.policy.timestampAuthorities, ...input.timestampAuthorities],
  };
  const files = await Promise.all(
    each.claims.map((path) => ports.files.read(input.locate(path), LIMITS.claimsFileBytes)),
  );
  const heard = await Promise.all(
    files.flatMap((bytes) => splitClaims(bytes)).map((bytes) => hear(bytes, verification)),
  );
  const claims = heard.flatMap((each) => (each.standing === 'named' ? [each.claim] : []));
  const of = caseOf(
    {
      id: each.id,
      name: each.artifact,
      aliases: [],
      carriedFrom: [],
      claims,
      now,
      revocations: claims
        .filter(({ statement }) => statement.predicateType === PREDICATES.revocation)
        .map((claim, index) => ({ claim, index })),
      log: {
        origin: each.origin ?? 'test',
        promotions: promotionsIn(claims),
        rootAt: () => null,
        highestSnapshot: null,
        strangers: new Set(),
        findings: [],
      },
      content: { formats: new Map(Object.entries(each.formats ?? {})), declaredBases: [], fetched: [] },
    },
    input.policy,
    environmentOf(input.policy, each.environment),
  );
  const found = [...new Set(findingsOf(evaluate(of)).map(({ code }) => code))].toSorted();
  const wanted = each.expect === 'pass' ? [] : [...each.expect].toSorted();
  return { name: each.name, passed: found.join() === wanted.join(), expected: each.expect, found };
}

/** The promotions among the claims, as if logged in this order. */
function promotionsIn(claims: readonly VerifiedClaim[]): readonly LogEntry[] {
  return claims.flatMap((claim, index) => {
    const resource = readPromotion(claim.statement)?.resource ?? null;
    const manifest = claim.statement.subject[0]?.digest['sha256'];
    if (resource === null || manifest === undefined) return [];
    return [
      {
        index,
        leaf: {
          v: 1 as const,
          kind: 'promotion' as const,
          name: resource.name,
          manifest: `sha256:${manifest}`,
          bundle: `sha256:${claim.bundle}`,
          env: resource.environment,
        },
      },
    ];
  });
}
