import { dirname, resolve } from 'node:path';
import { WeighmarkError, worstExit } from '../../domain/base/errors.ts';
import type { Advice } from '../../domain/policy/advice.ts';
import { lintPolicy } from '../../domain/policy/lint.ts';
import { counted } from '../../domain/base/units.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import { orphanFinding } from '../../domain/policy/orphans.ts';
import { parsePolicy } from '../../domain/policy/parse.ts';
import { orphansAgainst } from '../../flows/gate/earlier-policies.ts';
import type { Finding, Verdict } from '../../domain/base/verdict.ts';
import { explain } from '../../flows/gate/policy-explain.ts';
import { testPolicy, type CaseResult } from '../../flows/gate/policy-test.ts';
import type { Register, Report, Style } from '../command.ts';
import type { Context } from '../context.ts';
import {
  addPolicyOptions,
  gatePorts,
  openTarget,
  openUnder,
  policyFrom,
  type LoadedPolicy,
  type PolicyOptions,
} from '../policy-options.ts';
import { renderFindings } from '../errors.ts';
import { junit, verdictJunit, type JunitCase } from '../views/junit.ts';
import { verdictSarif } from '../views/sarif.ts';
import { oneVerdict } from '../views/verdict.ts';

interface LintOptions extends PolicyOptions {
  readonly against?: string;
}

interface ExplainOptions extends PolicyOptions {
  readonly env?: string;
}

/** `policy lint|explain|test`. */
export const register: Register = (program, run) => {
  const policy = program.command('policy').description('check, explain and test policies');
  addPolicyOptions(policy.command('lint'))
    .description('is the policy valid, and what does it leave open')
    .argument('[file]', 'default: --policy')
    .option('--against <old>', 'an earlier version: whose no in the registry would cease to count')
    .action(
      run(async (context, file: string | undefined, options: LintOptions) => {
        const loaded = await policyFrom(context, file === undefined ? options : { ...options, policy: file });
        const advice = lintPolicy(loaded.policy, context.clock.now(), loaded);
        return lintReport(loaded, advice, await silenced(context, loaded, options));
      }),
    );
  addPolicyOptions(policy.command('explain'))
    .description('what the policy says of an artifact, rule by rule')
    .argument('<ref>', 'NAME:TAG, NAME@sha256:…, oci://… or a digest')
    .option('--env <name>', 'only this environment')
    .action(
      run(async (context, ref: string, options: ExplainOptions) =>
        explainReport(context, await explained(context, ref, options)),
      ),
    );
  addPolicyOptions(policy.command('test'))
    .description('ask the policy about prepared cases: this claim set passes, that one fails')
    .argument('<cases>', 'YAML file of cases, beside their claims')
    .action(
      run(async (context, cases: string, options: PolicyOptions) => testReport(await tested(context, cases, options))),
    );
};

/** Null: not asked. */
async function silenced(
  context: Context,
  { policy }: LoadedPolicy,
  options: LintOptions,
): Promise<readonly Finding[] | null> {
  if (options.against === undefined) return null;
  const bytes = await (await context.files()).read(resolve(context.cwd, options.against), LIMITS.policyBytes);
  const before = parsePolicy(bytes, options.against);
  const found = await orphansAgainst(before, {
    policy,
    registry: await openUnder(context, policy, options),
    verification: {
      keyless: () => context.keyless(),
      now: context.clock.now(),
      timestampAuthorities: policy.timestampAuthorities,
    },
  });
  return found.map((each) => orphanFinding(each.orphan, each.before));
}

async function explained(context: Context, ref: string, options: ExplainOptions): Promise<readonly Verdict[]> {
  const loaded = await policyFrom(context, options);
  const { registry, place } = await openTarget(context, ref, { policy: loaded.policy, options });
  const input = {
    ...loaded,
    target: { name: place.name, reference: place.reference },
    ...(options.env === undefined ? {} : { environment: options.env }),
  };
  return explain(input, registry, await gatePorts(context));
}

async function tested(context: Context, cases: string, options: PolicyOptions): Promise<readonly CaseResult[]> {
  const { policy, timestampAuthorities } = await policyFrom(context, options);
  const path = resolve(context.cwd, cases);
  const results = await testPolicy(
    { policy, cases: path, timestampAuthorities, locate: (name) => resolve(dirname(path), name) },
    { files: await context.files(), keyless: () => context.keyless() },
  );
  if (results.length === 0) throw new WeighmarkError('usage', `${cases} has no cases`);
  return results;
}

function lintReport(
  { policy, signedBy }: LoadedPolicy,
  advice: readonly Advice[],
  orphans: readonly Finding[] | null,
): Report {
  const { name, version, digest, expires } = policy;
  const never = advice.filter((each) => each.never === true);
  return {
    exitCode: never.length + (orphans?.length ?? 0) === 0 ? 0 : 1,
    json: {
      policy: { name, version, digest, meaning: policy.meaning, expires },
      signedBy,
      advice,
      ...(orphans === null ? {} : { orphans }),
    },
    text: (style) => ({
      out: `${digest}\n`,
      err: [
        ...advice.map(
          (each) =>
            `${each.never === true ? style.bad('refused') : style.warn('advice')} ${style.bold(each.place)}: ${style.plain(each.message)}`,
        ),
        ...renderFindings(orphans ?? [], style),
        ...(orphans === null || orphans.length === 0
          ? []
          : [style.bad(`${orphans.length} that count under the earlier version would cease to count`)]),
        `${never.length === 0 ? style.good('VALID') : style.bad(`NEVER HOLDS, ${counted(never.length, 'place')}`)}: policy ${style.plain(name)} version ${version}, until ${expires.slice(0, 10)}${signedBy === null ? '' : `, signed by ${style.plain(signedBy.join(', '))}`}`,
        '',
      ].join('\n'),
    }),
  };
}

function explainReport(context: Context, verdicts: readonly Verdict[]): Report {
  const all = oneVerdict(verdicts);
  return {
    exitCode: worstExit(verdicts.map(({ exitCode }) => exitCode)),
    json: { environments: verdicts },
    text: (style) => ({ out: verdicts.map((verdict) => explainText(verdict, style)).join('\n') }),
    sarif: () => verdictSarif(context.version, all),
    junit: () => verdictJunit(all),
  };
}

function explainText(verdict: Verdict, style: Style): string {
  const lines = verdict.checks.flatMap((check) => [
    `${check.passed ? style.good('holds') : style.bad('fails')}  ${style.bold(check.name)}`,
    ...check.evidence.map(({ what }) => `         ${style.plain(what)}`),
    ...(check.passed ? [] : renderFindings(check.findings, style)),
  ]);
  const last =
    verdict.exitCode === 0
      ? style.good(`${verdict.subject}: may enter`)
      : style.bad(`${verdict.subject}: may not enter`);
  return `${style.bold(verdict.subject)} ${style.dim(verdict.id ?? '')}\n${lines.join('\n')}\n${last}\n`;
}

function testReport(results: readonly CaseResult[]): Report {
  const failed = results.filter(({ passed }) => !passed);
  return {
    exitCode: failed.length === 0 ? 0 : 1,
    json: { cases: results, passed: results.length - failed.length, failed: failed.length },
    text: (style) => ({
      out: results
        .map(
          (result) =>
            `${result.passed ? style.good('ok  ') : style.bad('FAIL')} ${style.plain(result.name)}${result.passed ? '' : `: expected ${style.plain(String(result.expected))}, found ${result.found.join(', ') || 'pass'}`}\n`,
        )
        .join(''),
      err: `${results.length - failed.length} of ${results.length} cases as expected\n`,
    }),
    junit: () => junit('policy test', results.map(junitCase)),
  };
}

function junitCase({ name, passed, expected, found }: CaseResult): JunitCase {
  const message = `expected ${String(expected)}, found ${found.join(', ') || 'pass'}`;
  return { name, failure: passed ? null : { type: 'differs', message, details: [] } };
}
