import { resolve } from 'node:path';
import { parseAsked } from '../../domain/registry/reference.ts';
import { environmentOf } from '../../flows/gate/gate.ts';
import { lineage, type LineageInput, type LineageOutcome, type LineagePorts } from '../../flows/gate/lineage.ts';
import type { Register, Report } from '../command.ts';
import type { Context } from '../context.ts';
import {
  addPolicyOptions,
  gatePorts,
  openTarget,
  policyFrom,
  policyIsNamed,
  type PolicyOptions,
} from '../policy-options.ts';
import { openArtifact, openRegistry } from '../registry-options.ts';
import { timestampAuthoritiesFrom, trustFrom } from '../trust-options.ts';
import { verdictJunit } from '../views/junit.ts';
import { verdictSarif } from '../views/sarif.ts';
import { lineageDot, lineageMermaid } from '../views/lineage-graph.ts';
import { lineageHtml } from '../views/lineage-html.ts';
import { lineageTree } from '../views/lineage-text.ts';
import { verdictMarkdown, verdictText } from '../views/verdict.ts';

interface Options extends PolicyOptions {
  readonly env?: string;
}

/** `lineage REF`: the verified graph. */
export const register: Register = (program, run) => {
  addPolicyOptions(program.command('lineage'))
    .description('show what an artifact was made from, as far as trusted signers attest it')
    .argument('<ref>', 'a path, NAME:TAG, NAME@sha256:…, oci://… or a digest')
    .option('--env <name>', 'judge it by this environment of the policy')
    .action(run(async (context, ref: string, options: Options) => report(context, await look(context, ref, options))));
};

async function look(context: Context, ref: string, options: Options): Promise<LineageOutcome> {
  const inside = parseAsked(ref).kind === 'path' ? [resolve(context.cwd, ref)] : [];
  const loaded = (await policyIsNamed(context, options)) ? await policyFrom(context, options, inside) : null;
  const policy = loaded?.policy ?? null;
  const input: LineageInput = {
    shown: ref,
    policy,
    environment: policy === null || options.env === undefined ? null : environmentOf(policy, options.env),
    place: await placeOf(context, ref, { policy, options }),
    timestampAuthorities: loaded?.timestampAuthorities ?? (await timestampAuthoritiesFrom(context, options, inside)),
  };
  return lineage(input, await lineagePorts(context, options, inside));
}

async function placeOf(
  context: Context,
  ref: string,
  { policy, options }: { policy: LineageInput['policy']; options: Options },
): Promise<LineageInput['place']> {
  const reference = parseAsked(ref);
  if (reference.kind === 'path') return { kind: 'path', location: resolve(context.cwd, reference.path) };
  const { registry, place } =
    policy === null ? await openArtifact(context, ref, options) : await openTarget(context, ref, { policy, options });
  return { kind: 'registry', name: place.name, reference: place.reference, registry };
}

export async function lineagePorts(
  context: Context,
  options: Options,
  inside: readonly string[],
): Promise<LineagePorts> {
  return {
    ...(await gatePorts(context)),
    files: await context.files(),
    trust: () => trustFrom(context, {}, inside),
    locate: (path) => resolve(context.cwd, path),
    registry: (location) => openRegistry(context, options, location),
  };
}

function report(context: Context, { verdict, lineage: graph }: LineageOutcome): Report {
  const shown = {
    verdict,
    by: null,
    promise: 'has a lineage that trusted signers attest throughout',
    advice: 'do not rely on where it comes from',
  };
  return {
    exitCode: verdict.exitCode,
    json: {
      verdict,
      id: verdict.id,
      root: `sha256:${graph.root}`,
      depth: graph.depth,
      nodes: [...graph.nodes.values()],
    },
    text: (style) => ({
      out: lineageTree(graph, verdict, style),
      err: `${verdictText(shown, style).trimEnd().split('\n').at(-1) ?? ''}\n`,
    }),
    sarif: () => verdictSarif(context.version, verdict),
    junit: () => verdictJunit(verdict),
    markdown: () => `${verdictMarkdown(shown)}\n\n\`\`\`mermaid\n${lineageMermaid(graph)}\`\`\``,
    other: {
      mermaid: () => lineageMermaid(graph),
      dot: () => lineageDot(graph),
      html: () => lineageHtml(graph, verdict),
    },
  };
}
