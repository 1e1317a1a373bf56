import { WeighmarkError } from '../../domain/base/errors.ts';
import type { EvidencePacker } from '../../domain/ports/outside.ts';
import type { Registry } from '../../domain/ports/registry.ts';
import { readLog } from '../registry/gate-claims.ts';
import type { Report } from './report.ts';

export interface EvidenceContents {
  readonly report: Report;
  /** The report, HTML. */
  readonly page: string;
  readonly policy: Uint8Array | null;
  readonly environment: string | null;
}

/**
 * Writes a tar that verifies on another machine with nothing else: the registry's log as it stands, the artifact and its
 * ancestors with their claims, the policy's bytes, the report.
 * @throws WeighmarkError `usage` for a remote registry: its log is not a folder yet.
 */
export async function writeEvidence(
  contents: EvidenceContents,
  { target, source }: { target: string; source: Registry },
  packer: EvidencePacker,
): Promise<void> {
  if (source.location.includes('://')) {
    throw new WeighmarkError('usage', 'evidence is packed from a folder registry', {
      hint: 'take it along first: `weighmark copy REF ./evidence-registry`',
    });
  }
  const { report, page, policy } = contents;
  const files = [
    { path: 'report.html', content: page },
    ...(policy === null ? [] : [{ path: 'policy.yaml', content: policy }]),
    { path: 'README', content: readme(contents, await logArguments(source)) },
  ];
  await packer.pack({ registry: source.location, models: await modelsOf(report, source), files, target });
}

/** Names under which the registry or its log knows the artifact, what it was made from, and revocations. */
async function modelsOf({ name, lineage }: Report, source: Registry): Promise<readonly string[]> {
  const inputs = [...lineage.nodes.values()].flatMap(({ edges }) => edges.map(({ to }) => to));
  const needed = new Set([...lineage.nodes.keys(), ...inputs].map((digest) => `sha256:${digest}`));
  const listed = (await source.list()).filter(({ id }) => needed.has(id));
  const { entries } = await readLog(source);
  const logged = [
    ...[...needed].flatMap((manifest) => entries.matching({ manifest })),
    ...entries.matching({ kind: 'revocation' }),
  ];
  return [...new Set([name, ...listed.map((entry) => entry.name), ...logged.map(({ leaf }) => leaf.name)])].toSorted();
}

/** What a machine that never saw the log must be told of it (security rule 18). */
async function logArguments({ log }: Registry): Promise<{ readonly vkey: string; readonly checkpoint: string }> {
  const [, size = '0', root = ''] = ((await log.checkpoint()) ?? '').split('\n');
  return { vkey: log.vkeys[0] ?? '', checkpoint: `${size}:${root}` };
}

function readme(
  { report: { name, id }, environment, policy }: EvidenceContents,
  { vkey, checkpoint }: { vkey: string; checkpoint: string },
): string {
  const env = environment === null || policy === null ? '' : ` --env ${environment}`;
  const under = policy === null ? '' : ' --policy policy.yaml';
  return `Evidence about ${name}@${id}

report.html is for people. To verify it again, in this folder, with weighmark and nothing else:

  weighmark verify ${name}@${id} --registry registry --log-vkey '${vkey}' --min-checkpoint '${checkpoint}'${env}${under}
  weighmark lineage ${name}@${id} --registry registry --log-vkey '${vkey}'${under}
  weighmark log verify --registry registry --log-vkey '${vkey}'

Compare the log's verifier key (after --log-vkey) and checkpoint with those its operator publishes: all this hangs on them.
`;
}
