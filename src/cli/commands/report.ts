import { resolve } from 'node:path';
import { declarationsBom } from '../../domain/report/controls/declarations.ts';
import { WeighmarkError, worstExit } from '../../domain/base/errors.ts';
import { parseAsked } from '../../domain/registry/reference.ts';
import { writeEvidence } from '../../flows/watch/evidence.ts';
import { report, type Report as Evidence, type ReportInput } from '../../flows/watch/report.ts';
import { reportRegistry, type RegistryReport } from '../../flows/watch/report-registry.ts';
import type { Register, Report } from '../command.ts';
import type { Context } from '../context.ts';
import { lineagePorts } from './lineage.ts';
import {
  addPolicyOptions,
  openTarget,
  openUnder,
  policyFrom,
  policyIsNamed,
  type PolicyOptions,
} from '../policy-options.ts';
import { openArtifact, openRegistry } from '../registry-options.ts';
import { timestampAuthoritiesFrom } from '../trust-options.ts';
import { registryHtml } from '../views/registry-html.ts';
import { registryMarkdown, registryText } from '../views/registry-text.ts';
import { reportHtml } from '../views/report-html.ts';
import { reportMarkdown } from '../views/report-markdown.ts';
import { verdictText } from '../views/verdict.ts';

interface Options extends PolicyOptions {
  readonly env?: string;
  readonly at?: string;
  readonly evidence?: string;
}

/** `report [REF]`: evidence to look at, about an artifact or a whole registry; `-o report.html` writes HTML. */
export const register: Register = (program, run) => {
  addPolicyOptions(program.command('report'))
    .description(
      'write the evidence about an artifact, or about the whole registry: HTML, Markdown, JSON, CycloneDX declarations; or a tar that verifies anywhere',
    )
    .argument('[ref]', 'NAME:TAG, NAME@sha256:…, oci://… or a digest; default: the whole registry')
    .option('--env <name>', 'judge it by this environment')
    .option('--at <date>', 'what was promoted to --env at that moment (RFC 3339 date or time)')
    .option('--evidence <file.tar>', 'write registry, policy and report into a tar for another machine')
    .action(
      run(async (context, ref: string | undefined, options: Options) =>
        ref === undefined ? overview(context, options) : make(context, ref, options),
      ),
    );
};

async function make(context: Context, ref: string, options: Options): Promise<Report> {
  if (parseAsked(ref).kind === 'path')
    throw new WeighmarkError('usage', 'a report is about an artifact in a registry', {
      hint: '`weighmark verify` judges a folder',
    });
  const loaded = (await policyIsNamed(context, options)) ? await policyFrom(context, options) : null;
  const policy = loaded?.policy ?? null;
  const { registry, place } =
    policy === null ? await openArtifact(context, ref, options) : await openTarget(context, ref, { policy, options });
  const input: ReportInput = {
    name: place.name,
    reference: place.reference,
    policy,
    environment: options.env ?? null,
    at: options.at === undefined ? null : moment(options.at),
    timestampAuthorities: loaded?.timestampAuthorities ?? (await timestampAuthoritiesFrom(context, options, [])),
  };
  const evidence = await report(input, await lineagePorts(context, options, []), registry);
  const page = reportHtml(evidence, context.version);
  if (options.evidence !== undefined) {
    const contents = { report: evidence, page, policy: loaded?.policyBytes ?? null, environment: options.env ?? null };
    await writeEvidence(
      contents,
      { target: resolve(context.cwd, options.evidence), source: registry },
      await context.evidencePacker(),
    );
  }
  return rendered(context, evidence, page);
}

/** Everything in the registry. @throws WeighmarkError `usage` for options that need an artifact. */
async function overview(context: Context, options: Options): Promise<Report> {
  if (options.env !== undefined || options.at !== undefined || options.evidence !== undefined)
    throw new WeighmarkError('usage', '--env, --at and --evidence are about one artifact', {
      hint: 'name it: `weighmark report NAME:TAG`',
    });
  const loaded = (await policyIsNamed(context, options)) ? await policyFrom(context, options) : null;
  const policy = loaded?.policy ?? null;
  const registry = policy === null ? await openRegistry(context, options) : await openUnder(context, policy, options);
  const timestampAuthorities = loaded?.timestampAuthorities ?? (await timestampAuthoritiesFrom(context, options, []));
  return renderedOverview(
    context,
    await reportRegistry({ policy, timestampAuthorities }, registry, await lineagePorts(context, options, [])),
  );
}

function renderedOverview(context: Context, found: RegistryReport): Report {
  const toFile = context.options.output !== undefined && context.options.output !== '-';
  return {
    exitCode: worstExit([found.log.exitCode, ...found.promotions.flatMap(({ verdict }) => verdict?.exitCode ?? [])]),
    json: { $schema: 'https://weighmark.dev/schemas/report-registry.schema.json', ...found },
    text: (style) =>
      toFile
        ? { out: registryHtml(found, context.version), err: registryText(found, style) }
        : { out: registryText(found, style) },
    markdown: () => registryMarkdown(found),
    other: { html: () => registryHtml(found, context.version) },
  };
}

/** A date alone means its last moment, UTC. */
function moment(text: string): string {
  const time = /^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T23:59:59.999Z` : text;
  if (!/^\d{4}-\d{2}-\d{2}T/.test(time) || Number.isNaN(Date.parse(time)))
    throw new WeighmarkError('usage', `${text} is no date (2026-03-31, or 2026-03-31T12:00:00Z)`);
  return new Date(time).toISOString();
}

function rendered(context: Context, evidence: Evidence, page: string): Report {
  const { verdict } = evidence;
  const toFile = context.options.output !== undefined && context.options.output !== '-';
  const summary = {
    verdict,
    by: null,
    promise: 'is evidenced as the report says',
    advice: 'the report says what is missing',
  };
  return {
    exitCode: verdict.exitCode,
    json: {
      name: evidence.name,
      id: evidence.id,
      verdict,
      serving: evidence.serving,
      generated: evidence.generated,
      policy: evidence.policy,
      past: evidence.past,
      claims: evidence.facts.claims,
      bom: evidence.facts.bom,
      scans: evidence.facts.scans,
      evaluations: evidence.facts.evaluations,
      promotions: evidence.facts.promotions,
      files: evidence.files,
      lineage: [...evidence.lineage.nodes.values()],
      controls: evidence.controls.map(({ control, status }) => ({
        framework: control.framework,
        id: control.id,
        title: control.title,
        status,
        needs: control.needs,
      })),
    },
    text: (style) => (toFile ? { out: page, err: verdictText(summary, style) } : { out: verdictText(summary, style) }),
    markdown: () => reportMarkdown(evidence),
    other: { html: () => page, cyclonedx: () => JSON.stringify(declared(evidence, context.version), null, 2) },
  };
}

/** What is evidenced, for tools that read CycloneDX. */
function declared({ name, id, generated, controls, facts }: Evidence, toolVersion: string): object {
  return declarationsBom({
    name,
    id,
    generated,
    toolVersion,
    controls,
    claims: facts.claims.filter(({ counts }) => counts),
  });
}
