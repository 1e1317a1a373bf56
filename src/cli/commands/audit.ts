import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { WeighmarkError, worstExit } from '../../domain/errors.ts';
import { isJsonObject, parseStrictJson } from '../../domain/json.ts';
import { LIMITS } from '../../domain/limits.ts';
import { auditEvents, auditState, type AuditState } from '../../domain/policy/audit-events.ts';
import { durationMs } from '../../domain/policy/parse-rules.ts';
import { audit, type AuditOutcome } from '../../flows/audit.ts';
import { readFeeds } from '../../flows/scan.ts';
import type { Register, Report } from '../command.ts';
import type { Context } from '../context.ts';
import { checkpointOption, pinnedOf } from '../gate-verdict.ts';
import { addPolicyOptions, gatePorts, openUnder, policyFrom, type PolicyOptions } from '../policy-options.ts';
import { verdictJunit } from '../views/junit.ts';
import { verdictSarif } from '../views/sarif.ts';
import { oneVerdict, verdictMarkdown, verdictText } from '../views/verdict.ts';

interface Options extends PolicyOptions {
  readonly env?: readonly string[];
  readonly minCheckpoint?: string;
  readonly watch?: string;
  readonly state?: string;
  readonly feed?: readonly string[];
}

const collect = (value: string, all: readonly string[] = []): readonly string[] => [...all, value];

/** `audit [--watch INTERVAL]`: everything promoted, looked at again. */
export const register: Register = (program, run) => {
  addPolicyOptions(program.command('audit'))
    .description('look again at everything promoted: bytes, claims, ages, revocations, log')
    .option('--env <name>', 'only this environment (repeat)', collect)
    .option('--feed <file|url>', 'hold all of it against threat intelligence (repeat)', collect)
    .addOption(checkpointOption())
    .option('--watch <interval>', 'again and again, such as 15m; a JSON line for each change')
    .option('--state <file>', 'what the last round found, kept between runs; needs --watch')
    .action(run(async (context, options: Options) => (options.watch === undefined ? report(context, await once(context, options)) : watch(context, options))));
};

async function once(context: Context, options: Options): Promise<AuditOutcome> {
  const loaded = await policyFrom(context, options);
  const registry = await openUnder(context, loaded.policy, options);
  for (const name of options.env ?? []) if (!loaded.policy.environments.some((each) => each.name === name)) throw new WeighmarkError('usage', `the policy has no environment ${name}`);
  const feeds = options.feed === undefined ? undefined : (await readFeeds(options.feed, { feeds: await context.feeds(), clock: context.clock })).index;
  return audit({ ...loaded, ...pinnedOf(options), ...(feeds === undefined ? {} : { feeds }), ...(options.env === undefined ? {} : { environments: options.env }) }, registry, await gatePorts(context));
}

/** Until interrupted. The policy and the registry are opened anew each round. */
async function watch(context: Context, options: Options): Promise<Report> {
  if (!/^[1-9][0-9]{0,4}[mhd]$/.test(options.watch ?? '')) throw new WeighmarkError('usage', `--watch takes an interval such as 15m or 1h`);
  const interval = durationMs(options.watch ?? '');
  let before = await readState(context, options);
  for (;;) {
    const after = statesOf(await once(context, options));
    for (const event of auditEvents(before, after)) process.stdout.write(`${JSON.stringify({ time: context.clock.now().toISOString(), ...event })}\n`);
    await writeState(context, options, after);
    before = after;
    await sleep(interval, undefined, { signal: context.signal });
  }
}

function statesOf({ log, promotions }: AuditOutcome): readonly AuditState[] {
  return [auditState('log', null, log), ...promotions.map(({ name, environment, id, verdict }) => auditState(`${name} in ${environment}`, id, verdict))];
}

async function readState(context: Context, { state }: Options): Promise<readonly AuditState[]> {
  if (state === undefined) return [];
  const bytes = await (await context.files()).readIfThere(resolve(context.cwd, state), LIMITS.documentBytes);
  const json = bytes === null ? { v: 1, places: [] } : parseStrictJson(bytes, { code: 'config-invalid', subject: state });
  if (!isJsonObject(json) || json['v'] !== 1 || !Array.isArray(json['places'])) throw new WeighmarkError('config-invalid', `${state} is no state of an audit`, { subject: state });
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
  if (state !== undefined) await (await context.files()).write(resolve(context.cwd, state), `${JSON.stringify({ v: 1, places })}\n`);
}

function report(context: Context, { log, promotions }: AuditOutcome): Report {
  const verdicts = [log, ...promotions.map(({ verdict }) => verdict)];
  const all = oneVerdict(verdicts);
  const shown = verdicts.map((verdict) => ({ verdict, by: null, promise: 'holds' }));
  return {
    exitCode: worstExit(verdicts.map(({ exitCode }) => exitCode)),
    json: { log, promotions },
    text: (style) => ({ out: shown.map((each) => verdictText(each, style)).join('\n') }),
    sarif: () => verdictSarif(context.version, all),
    junit: () => verdictJunit(all),
    markdown: () => shown.map((each) => verdictMarkdown(each)).join('\n\n'),
  };
}
