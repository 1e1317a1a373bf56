import { resolve } from 'node:path';
import { CODES, WeighmarkError, worstExit } from '../../domain/base/errors.ts';
import { isJsonObject, parseStrictJson } from '../../domain/base/json.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import { auditEvents, auditState, type AuditState } from '../../domain/policy/audit-events.ts';
import type { Webhook } from '../../domain/ports/outside.ts';
import { findingOf, type Finding } from '../../domain/base/verdict.ts';
import { audit, type AuditOutcome } from '../../flows/watch/audit.ts';
import { readFeeds } from '../../flows/content/scan.ts';
import { collect, type Register, type Report } from '../command.ts';
import type { Context } from '../context.ts';
import { checkpointOption, pinnedOf } from '../gate-verdict.ts';
import { renderFinding } from '../errors.ts';
import { say } from '../output.ts';
import { jsonReport } from '../program.ts';
import { styleFor } from '../style.ts';
import { everyInterval } from '../watching.ts';
import { addPolicyOptions, gatePorts, openUnder, policyFrom, type PolicyOptions } from '../policy-options.ts';
import { auditMetrics } from '../views/open-metrics.ts';
import { verdictJunit } from '../views/junit.ts';
import { verdictSarif } from '../views/sarif.ts';
import { oneVerdict, verdictMarkdown, verdictTexts } from '../views/verdict.ts';

interface Options extends PolicyOptions {
  readonly env?: readonly string[];
  readonly minCheckpoint?: string;
  readonly watch?: string;
  readonly state?: string;
  readonly webhook?: string;
  readonly feed?: readonly string[];
  readonly metrics?: string;
}

/** `audit [--watch INTERVAL]`: everything promoted, looked at again. */
export const register: Register = (program, run) => {
  addPolicyOptions(program.command('audit'))
    .description('look again at everything promoted: bytes, claims, ages, revocations, log')
    .option('--env <name>', 'only this environment (repeat)', collect)
    .option('--feed <file|url>', 'hold all of it against threat intelligence (repeat)', collect)
    .addOption(checkpointOption())
    .option('--watch <interval>', 'again and again, such as 15m; a JSON line for each change')
    .option('--state <file>', 'what the last round found, kept between runs; needs --watch')
    .option('--metrics <file>', 'what was found as OpenMetrics, for Prometheus; with --watch, again each round')
    .option('--webhook <url>', 'POST the result as JSON if anything is wrong; with --watch, each change')
    .action(
      run(async (context, options: Options) => {
        const hook = options.webhook === undefined ? null : await context.webhook(options.webhook);
        return options.watch === undefined
          ? tell(context, report(context, await once(context, options)), hook)
          : watch(context, options, hook);
      }),
    );
};

/** Good news is no news. What could not be told takes nothing from the verdict: it is one more reason not to be content. */
async function tell(context: Context, found: Report, hook: Webhook | null): Promise<Report> {
  if (hook === null || found.exitCode === 0) return found;
  const failure = await failureOf(hook.deliver(JSON.stringify(jsonReport(found, 'audit', context.version))));
  return {
    ...found,
    exitCode: worstExit([found.exitCode, ...(failure === null ? [] : [CODES[failure.code]])]),
    json: {
      ...found.json,
      webhook: { host: hook.host, delivered: failure === null, ...(failure === null ? {} : { error: failure }) },
    },
    text: (style) => ({
      ...found.text(style),
      err: failure === null ? `${style.dim('told')} ${style.plain(hook.host)}\n` : renderFinding(failure, style),
    }),
  };
}

async function failureOf(delivery: Promise<void>): Promise<Finding | null> {
  try {
    await delivery;
    return null;
  } catch (error) {
    if (error instanceof WeighmarkError && error.code === 'interrupted') throw error;
    return findingOf(error, 'webhook-undelivered');
  }
}

async function once(context: Context, options: Options): Promise<AuditOutcome> {
  const loaded = await policyFrom(context, options);
  const registry = await openUnder(context, loaded.policy, options);
  for (const name of options.env ?? [])
    if (!loaded.policy.environments.some((each) => each.name === name))
      throw new WeighmarkError('usage', `the policy has no environment ${name}`);
  const feeds =
    options.feed === undefined
      ? undefined
      : (await readFeeds(options.feed, { feeds: await context.feeds(), clock: context.clock })).index;
  const outcome = await audit(
    {
      ...loaded,
      ...pinnedOf(options),
      ...(feeds === undefined ? {} : { feeds }),
      ...(options.env === undefined ? {} : { environments: options.env }),
    },
    registry,
    await gatePorts(context),
  );
  await writeMetrics(context, outcome, { to: options.metrics, registry: registry.location });
  return outcome;
}

/** A scraper finds the round before or this one, whole. */
async function writeMetrics(
  context: Context,
  outcome: AuditOutcome,
  { to, registry }: { readonly to: string | undefined; readonly registry: string },
): Promise<void> {
  if (to === undefined) return;
  const text = auditMetrics(outcome, { registry, version: context.version, at: context.clock.now() });
  await (await context.files()).write(resolve(context.cwd, to), text);
}

/**
 * Until interrupted. The policy and the registry are opened anew each round. The state is kept only once every change was
 * told: after a restart a change is told again rather than not at all.
 */
async function watch(context: Context, options: Options, hook: Webhook | null): Promise<Report> {
  let before: readonly AuditState[] | null = null;
  let untold: readonly string[] = [];
  return everyInterval(context, options.watch ?? '', async () => {
    before ??= await readState(context, options);
    const after = statesOf(await once(context, options));
    const events = auditEvents(before, after).map((event) =>
      JSON.stringify({ time: context.clock.now().toISOString(), ...event }),
    );
    for (const event of events) say('stdout', `${event}\n`);
    untold = hook === null ? [] : await tellAll([...untold, ...events], hook);
    if (untold.length === 0) await writeState(context, options, after);
    before = after;
  });
}

/** In order; returns what is left after the first failure. */
async function tellAll(events: readonly string[], hook: Webhook): Promise<readonly string[]> {
  for (const [at, event] of events.entries()) {
    const failure = await failureOf(hook.deliver(event));
    if (failure === null) continue;
    say('stderr', renderFinding(failure, styleFor('stderr')));
    return events.slice(at).slice(-MOST_UNTOLD);
  }
  return [];
}

const MOST_UNTOLD = 10_000;

function statesOf({ log, promotions }: AuditOutcome): readonly AuditState[] {
  return [
    auditState('log', null, log),
    ...promotions.map(({ name, environment, id, verdict }) => auditState(`${name} in ${environment}`, id, verdict)),
  ];
}

async function readState(context: Context, { state }: Options): Promise<readonly AuditState[]> {
  if (state === undefined) return [];
  const bytes = await (await context.files()).readIfThere(resolve(context.cwd, state), LIMITS.documentBytes);
  const json =
    bytes === null ? { v: 1, places: [] } : parseStrictJson(bytes, { code: 'config-invalid', subject: state });
  if (!isJsonObject(json) || json['v'] !== 1 || !Array.isArray(json['places']))
    throw new WeighmarkError('config-invalid', `${state} is no state of an audit`, { subject: state });
  return json['places'].map(stateOf);
}

/** Only what is compared is taken over; anything else there counts as changed. */
function stateOf(value: unknown): AuditState {
  const { place, id, outcome, codes } = isJsonObject(value) ? value : {};
  return {
    place: typeof place === 'string' ? place : '',
    id: typeof id === 'string' ? id : null,
    outcome: outcome === 'verified' ? 'verified' : 'failed',
    codes: Array.isArray(codes) ? codes.filter((code) => typeof code === 'string') : [],
  };
}

async function writeState(context: Context, { state }: Options, places: readonly AuditState[]): Promise<void> {
  if (state !== undefined)
    await (await context.files()).write(resolve(context.cwd, state), `${JSON.stringify({ v: 1, places })}\n`);
}

function report(context: Context, { log, promotions }: AuditOutcome): Report {
  const verdicts = [log, ...promotions.map(({ verdict }) => verdict)];
  const all = oneVerdict(verdicts);
  const shown = [
    { verdict: log, by: null, promise: 'has its whole log', advice: 'do not rely on what it says' },
    ...promotions.map(({ id, verdict }) => ({
      verdict,
      by: null,
      promise: id === null ? 'is empty' : 'holds',
      advice: 'it should not be in use there',
    })),
  ];
  return {
    exitCode: worstExit(verdicts.map(({ exitCode }) => exitCode)),
    json: { log, promotions },
    text: (style) => ({ out: verdictTexts(shown, context.options, style) }),
    sarif: () => verdictSarif(context.version, all),
    junit: () => verdictJunit(all),
    markdown: () => shown.map((each) => verdictMarkdown(each)).join('\n\n'),
  };
}
