import { CONTROLS } from '../../src/domain/report/controls/catalogue.ts';
import { CHANGES } from '../../src/domain/report/changes.ts';
import { sha256Hex } from '../../src/domain/digest/hex.ts';
import type { Lineage, LineageEdge, LineageNode } from '../../src/domain/lineage/types.ts';
import { checkOf, verdictOf, type Verdict } from '../../src/domain/base/verdict.ts';
import type { RegistryReport } from '../../src/flows/watch/report-registry.ts';
import type { Report } from '../../src/flows/watch/report.ts';

const ID = `sha256:${sha256Hex('model')}`;

/** A report in which every text from outside is `text`, on a lineage of so many artifacts: each made from two others. */
export function reportOf(text: string, artifacts: number): Report {
  const claim = {
    title: text,
    predicateType: text,
    signer: text,
    bundle: sha256Hex('bundle'),
    time: null,
    logIndex: 3,
    revoked: text,
    counts: false,
  };
  const promotion = { ...claim, environment: text, id: ID, result: 'PASSED', policyDigest: ID, claimedTime: text };
  const related = { name: text, version: text, licences: [text], digests: [text] };
  return {
    name: text,
    id: ID,
    verdict: verdictOf({ subject: text, id: ID, checks: [checkOf('content', [{ what: text }], [])] }),
    facts: {
      claims: [claim],
      approvals: [claim],
      promotions: [promotion],
      bom: {
        name: text,
        version: text,
        supplier: text,
        licences: [text],
        task: text,
        architecture: text,
        interfaces: [text],
        datasets: [related],
        ancestors: [related],
        software: [related],
        tools: [text],
        metrics: [{ type: text, value: text }],
        elements: ['MD-01'],
        hasEnergy: false,
        properties: [{ name: text, value: text }],
      },
      scans: [{ signer: text, results: [{ rule: text, severity: 'high', message: text, path: text }] }],
      evaluations: [{ signer: text, result: text, metrics: { [text]: text } }],
    },
    revocations: [
      { takes: 'artifact', reason: text, by: text, time: '2026-11-01T12:00:00.000Z', claimedTime: null, logIndex: 4 },
      { takes: [text], reason: text, by: text, time: null, claimedTime: text, logIndex: null },
    ],
    serving: [text],
    files: [{ path: text, sizeBytes: 12, sha256: sha256Hex('file') }],
    lineage: lineageOf(text, artifacts),
    controls: CONTROLS.map((control) => ({ control, status: 'partly' as const, held: [] })),
    past: { at: '2026-01-01T00:00:00.000Z', environment: text, promotion },
    policy: { name: text, version: 1, digest: ID },
    generated: '2026-11-20T12:00:00.000Z',
  };
}

function lineageOf(text: string, artifacts: number): Lineage {
  const digest = (index: number) => sha256Hex(`artifact ${index}`);
  const inputs = (index: number): readonly LineageEdge[] =>
    [2 * index + 1, 2 * index + 2]
      .filter((input) => input < artifacts)
      .map((input) => ({ word: 'finetune', role: 'base-model', to: digest(input), name: text, standing: 'attested' }));
  const unpinned: LineageEdge = { word: 'trained-on', role: 'dataset', to: '', name: text, standing: 'refused' };
  const nodes = Array.from({ length: artifacts }, (_, index): LineageNode => ({
    digest: digest(index),
    name: text,
    step: text,
    signedBy: text,
    time: text,
    edges: index === 0 ? [...inputs(0), unpinned] : inputs(index),
  }));
  return {
    root: digest(0),
    nodes: new Map(nodes.map((node) => [node.digest, node])),
    depth: 10,
    findings: [],
    used: [],
    actors: new Map(),
    makers: new Set(),
  };
}

/** Every kind of change, on many days. */
function changesSample(text: string): RegistryReport['changes'] {
  const changes = Array.from({ length: 200 }, (_, index) => ({
    what: CHANGES[index % CHANGES.length] ?? 'claimed',
    name: text,
    id: ID,
    environment: index % 2 === 0 ? text : null,
    by: text,
    logIndex: index,
    time: new Date(Date.parse('2026-11-20T12:00:00.000Z') - ((index * index) % 90) * 86_400_000).toISOString(),
    says: (['others', 'signer', 'order'] as const)[index % 3] ?? 'order',
  }));
  return { since: '2026-08-22T12:00:00.000Z', changes, undated: 2 };
}

/** The same for a registry. */
export function overview(text: string, verdict: Verdict): RegistryReport {
  return {
    location: text,
    origin: text,
    generated: '2026-11-20T12:00:00.000Z',
    log: verdict,
    policy: { name: text, version: 1, digest: ID },
    versions: [
      {
        name: text,
        id: ID,
        tags: [text],
        owner: text,
        version: text,
        licences: [text],
        evaluation: 'passed',
        evaluated: '2026-10-11T12:00:00.000Z',
        approvedBy: [text],
        claims: 1,
        missing: ['scan'],
        absent: [4],
        findings: [{ rule: text, severity: text, message: text, path: text }],
        revoked: text,
      },
    ],
    promotions: [
      {
        name: text,
        environment: text,
        id: ID,
        by: text,
        time: null,
        claimedTime: text,
        ageDays: 3,
        logIndex: 1,
        verdict,
      },
      {
        name: text,
        environment: text,
        id: ID,
        by: text,
        time: text,
        claimedTime: text,
        ageDays: null,
        logIndex: 1,
        verdict: null,
      },
    ],
    revocations: [{ action: 'revoke', target: text, since: text, reason: text, by: text, logIndex: 2 }],
    changes: changesSample(text),
  };
}

/** The same with so many versions of as many models: the first of each hundred is revoked, every third lacks something. */
export function overviewOf(models: number): RegistryReport {
  const { versions, promotions, ...rest } = overview('acme', reportOf('acme', 1).verdict);
  const names = Array.from({ length: models }, (_, index) => ({
    name: `acme/model-${index}`,
    id: `sha256:${sha256Hex(`model ${index}`)}`,
    index,
  }));
  return {
    ...rest,
    versions: names.flatMap(({ name, id, index }) =>
      versions.map((each) => ({
        ...each,
        name,
        id,
        tags: [`1.${index}`],
        owner: 'tom (key SHA256:0123456789abcdef…)',
        absent: [],
        findings: [],
        missing: index % 3 === 0 ? ['scan'] : [],
        revoked: index % 100 === 0 ? 'trained on leaked data' : null,
      })),
    ),
    promotions: names.flatMap(({ name, id }) =>
      promotions.slice(0, 1).map((each) => ({ ...each, name, id, environment: 'prod' })),
    ),
  };
}
