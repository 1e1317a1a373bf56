import { extname, resolve } from 'node:path';
import { declarationsBom } from '../../domain/report/controls/declarations.ts';
import { WeighmarkError, worstExit } from '../../domain/base/errors.ts';
import { parseAsked } from '../../domain/registry/reference.ts';
import { writeEvidence } from '../../flows/watch/evidence.ts';
import { report, type Report as Evidence, type ReportInput } from '../../flows/watch/report.ts';
import { reportRegistry, type RegistryReport } from '../../flows/watch/report-registry.ts';
import type { Policy } from '../../domain/authority/types.ts';
import { forShell, forTerminal } from '../../domain/base/text.ts';
import { counted } from '../../domain/base/units.ts';
import type { Register, Report, Style } from '../command.ts';
import type { CommonOptions, Context } from '../context.ts';
import { withWaysOut } from '../errors.ts';
import { jsonReport } from '../program.ts';
import { writeSite, type Site } from './report-site.ts';
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
import { say } from '../output.ts';
import { PLAIN } from '../style.ts';
import { everyInterval } from '../watching.ts';
import { schemaVersionOf } from '../schema-versions.ts';
import { registryHtml } from '../views/registry-html.ts';
import { registryMarkdown, registryText } from '../views/registry-text.ts';
import { reportHtml } from '../views/report-html.ts';
import { reportMarkdown } from '../views/report-markdown.ts';
import { verdictText } from '../views/verdict.ts';
import { instantOf } from '../../domain/base/instant.ts';

interface Options extends PolicyOptions {
  readonly env?: string;
  readonly at?: string;
  readonly evidence?: string;
  readonly site?: string;
  readonly watch?: string;
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
    .option('--watch <interval>', 'the registry again and again, such as 1h, into --site or -o; a JSON line a round')
    .option('--site <folder>', 'write the whole registry as static pages: an overview and a page for each version')
    .action(
      run(async (context, ref: string | undefined, options: Options) => {
        formatByEnding(context);
        if (ref !== undefined) return make(context, ref, options);
        return options.watch === undefined ? overview(context, options) : watch(context, options.watch, options);
      }),
    );
};

const BY_ENDING: Readonly<Record<string, string>> = { html: 'html', htm: 'html', md: 'markdown', json: 'json' };

/** What the ending of `-o FILE` means where no format is named; null where nothing goes to a file by its ending. @throws WeighmarkError `usage`. */
function formatByEnding({ options }: Context): string | null {
  const { output, format, files } = options;
  if (output === undefined || output === '-' || format !== 'text' || files.length > 0) return null;
  const ending = extname(output).slice(1).toLowerCase();
  const meant = ending === '' ? 'html' : BY_ENDING[ending];
  if (meant !== undefined) return meant;
  throw new WeighmarkError('usage', `a report is written as .html, .md or .json, and ${output} is none of them`, {
    subject: output,
    hint:
      ending === 'tar'
        ? `a tar that verifies anywhere is \`--evidence ${forShell(output)}\``
        : 'name another file, or the format with `--format`',
  });
}

/** The same report under the name that was asked for, and where it was written. */
function toFile(context: Context, report: Report, err: string): { out: string; err: string } {
  const format = formatByEnding(context) ?? 'html';
  const json = () => JSON.stringify(jsonReport(report, 'report', context.version), withWaysOut, 2);
  const text = format === 'json' ? json() : format === 'markdown' ? report.markdown?.() : report.other?.['html']?.();
  return { out: format === 'html' ? (text ?? '') : `${text}\n`, err: `${err}written ${context.options.output}\n` };
}

function isToFile({ output }: CommonOptions): boolean {
  return output !== undefined && output !== '-';
}

async function make(context: Context, ref: string, options: Options): Promise<Report> {
  if ((options.site ?? options.watch) !== undefined)
    throw new WeighmarkError('usage', '--site and --watch are about the whole registry', {
      hint: 'leave the name out',
    });
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
  return rendered(context, evidence, { page, tar: options.evidence });
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
  const ports = await lineagePorts(context, options, []);
  const found = await reportRegistry({ policy, timestampAuthorities }, registry, ports);
  if (options.site === undefined) return renderedOverview(context, found, null);
  const site = await writeSite(context, { folder: options.site, found }, ({ name, id }) =>
    report(
      { name, reference: id, policy, environment: placeOf(found, id, policy), at: null, timestampAuthorities },
      ports,
      registry,
    ),
  );
  return renderedOverview(context, found, site);
}

/** Until interrupted; policy and registry are opened anew each round, and what is refused ends nothing: the page says it. */
async function watch(context: Context, interval: string, options: Options): Promise<Report> {
  const { output } = context.options;
  if (options.site === undefined && (output === undefined || output === '-'))
    throw new WeighmarkError('usage', '--watch needs a place to keep fresh', {
      hint: 'say `--site DIR`, or `-o FILE`',
    });
  return everyInterval(context, interval, async () => {
    const { exitCode, text } = await overview(context, options);
    if (options.site === undefined && output !== undefined)
      await (await context.files()).write(resolve(context.cwd, output), text(PLAIN).out ?? '');
    say('stdout', `${JSON.stringify({ time: context.clock.now().toISOString(), exitCode })}\n`);
  });
}

/** Where it runs and is refused, else where it runs: its page is judged by that environment. */
function placeOf({ promotions }: RegistryReport, id: string, policy: Policy | null): string | null {
  if (policy === null) return null;
  const here = promotions.filter((each) => each.id === id);
  return (here.find(({ verdict }) => verdict?.exitCode !== 0) ?? here[0])?.environment ?? null;
}

function renderedOverview(context: Context, found: RegistryReport, site: Site | null): Report {
  const made: Report = {
    exitCode: worstExit([
      found.log.exitCode,
      ...found.promotions.flatMap(({ verdict }) => verdict?.exitCode ?? []),
      ...(site === null || site.exitCode === 0 ? [] : [site.exitCode]),
    ]),
    json: {
      $schema: 'https://weighmark.dev/schemas/report-registry.schema.json',
      schemaVersion: schemaVersionOf('report-registry'),
      ...found,
    },
    text: (style) =>
      isToFile(context.options)
        ? toFile(context, made, registryText(found, style))
        : { out: registryText(found, style), ...(site === null ? {} : { err: siteText(site, style) }) },
    markdown: () => registryMarkdown(found),
    other: { html: () => registryHtml(found, context.version) },
  };
  return made;
}

function siteText({ folder, pages, unreported }: Site, style: Style): string {
  const missing = unreported.map(({ name, id, code, message }) =>
    style.bad(`no page for ${name}@${id.slice(0, 19)}: ${code}: ${message}`),
  );
  return `${[...missing, style.plain(`${counted(pages, 'page')} and an overview: ${folder}/index.html`)].join('\n')}\n`;
}

/** The verdict alone was printed: the report is the page. */
const PAGE = '`-o report.html` writes the page, .md and .json the same for others\n';

/** A date alone means its last moment, UTC. */
function moment(text: string): string {
  const time = /^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T23:59:59.999Z` : text;
  if (!/^\d{4}-\d{2}-\d{2}T/.test(time) || Number.isNaN(instantOf(time)))
    throw new WeighmarkError('usage', `${text} is no date (2026-03-31, or 2026-03-31T12:00:00Z)`);
  return new Date(instantOf(time)).toISOString();
}

interface Written {
  readonly page: string;
  /** Where `--evidence` wrote; undefined: it was not asked for. */
  readonly tar: string | undefined;
}

function rendered(context: Context, evidence: Evidence, { page, tar }: Written): Report {
  const { verdict } = evidence;
  const packed =
    tar === undefined ? '' : `written ${forTerminal(tar)}: the README in it says how to verify it elsewhere\n`;
  const summary = {
    verdict,
    by: null,
    promise: 'is evidenced as the report says',
    advice: 'the report says what is missing',
  };
  const made: Report = {
    exitCode: verdict.exitCode,
    json: {
      name: evidence.name,
      id: evidence.id,
      verdict,
      serving: evidence.serving,
      generated: evidence.generated,
      policy: evidence.policy,
      past: evidence.past,
      revocations: evidence.revocations,
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
    text: (style) => {
      const verdict = verdictText(summary, style);
      return isToFile(context.options)
        ? toFile(context, made, `${verdict}${packed}`)
        : { out: verdict, err: tar === undefined ? PAGE : packed };
    },
    markdown: () => reportMarkdown(evidence),
    other: { html: () => page, cyclonedx: () => JSON.stringify(declared(evidence, context.version), null, 2) },
  };
  return made;
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
