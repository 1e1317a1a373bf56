import { resolve } from 'node:path';
import { formatBytes } from '../../domain/base/units.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import type { Registry } from '../../domain/ports/registry.ts';
import { passedCheck, verdictOf } from '../../domain/base/verdict.ts';
import { pull, type PullInput, type PullOutcome, type PullPorts } from '../../flows/registry/pull.ts';
import type { Register, Report } from '../command.ts';
import type { Context } from '../context.ts';
import { addEnvironmentOptions, asksPolicy, withEnvironment, type EnvironmentOptions } from '../gate-verdict.ts';
import { openTarget, policyFrom, type LoadedPolicy } from '../policy-options.ts';
import { openArtifact } from '../registry-options.ts';
import { pairsInTrust } from '../verification.ts';
import { verdictJunit } from '../views/junit.ts';
import { verdictSarif } from '../views/sarif.ts';
import { verdictText } from '../views/verdict.ts';
import { forShell } from '../../domain/base/text.ts';

interface Options extends EnvironmentOptions {
  readonly only?: string;
}

/** `pull REF DIR`: nothing appears at DIR until every byte is verified. */
export const register: Register = (program, run) => {
  addEnvironmentOptions(program.command('pull'))
    .description('bring an artifact out of a registry, verified byte by byte')
    .argument('<ref>', 'NAME:TAG, NAME@sha256:…, oci://…, sha256:…')
    .argument('<dir>', 'folder to make')
    .option('--only <glob>', 'only these files; they replace their namesakes in DIR')
    .action(
      run(async (context, ref: string, dir: string, options: Options) => {
        const loaded = asksPolicy(options) ? await policyFrom(context, options) : undefined;
        const { registry, place } =
          loaded === undefined
            ? await openArtifact(context, ref, options)
            : await openTarget(context, ref, { policy: loaded.policy, options });
        const input = {
          place,
          target: resolve(context.cwd, dir),
          ...(options.only === undefined ? {} : { only: options.only }),
          ...(loaded === undefined
            ? { signed: { pairs: await pairsInTrust(context, { place, registry }), hasher: () => context.hasher() } }
            : { gate: gateOf(context, { ref, options, registry, loaded }) }),
        };
        return report(await pull(input, await pullPorts(context), registry), dir, context.version);
      }),
    );
};

export async function pullPorts(context: Context): Promise<PullPorts> {
  return { files: await context.files(), stagings: await context.stagings(), progress: context.progress };
}

/** Nothing gets its name on disk unless it is what is promoted. */
export function gateOf(
  context: Context,
  {
    ref,
    ...asked
  }: {
    ref: string;
    options: EnvironmentOptions & { readonly only?: string };
    registry: Registry;
    loaded: LoadedPolicy;
  },
): NonNullable<PullInput['gate']> {
  return async ({ name, id }) => {
    if (asked.options.only !== undefined)
      throw new WeighmarkError('usage', 'a part says nothing about an environment: leave out --only');
    const written = verdictOf({
      subject: ref,
      id,
      checks: [passedCheck('content', [{ what: `every byte of ${name}@${id} hashed as it was written` }])],
    });
    return withEnvironment(context, written, { subject: { id, name, inside: [] }, ...asked });
  };
}

function report(outcome: PullOutcome, dir: string, version: string): Report {
  const { verdict } = outcome;
  if (verdict === null || verdict.exitCode === 0) return pulledReport(outcome, dir);
  return {
    exitCode: verdict.exitCode,
    json: {
      name: outcome.name,
      id: outcome.id,
      path: null,
      scope: outcome.scope,
      files: outcome.files,
      claims: outcome.claims,
      verdict,
    },
    text: (style) => ({ err: verdictText({ verdict, by: null }, style) }),
    sarif: () => verdictSarif(version, verdict),
    junit: () => verdictJunit(verdict),
  };
}

function pulledReport({ name, id, scope, files, claims, verdict }: PullOutcome, dir: string): Report {
  const bytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
  return {
    exitCode: 0,
    json: { name, id, path: dir, scope, files, claims, ...(verdict === null ? {} : { verdict }) },
    text: (style) => ({
      out: `${name}@${id}\n`,
      err: [
        `pulled ${files.length} ${files.length === 1 ? 'file' : 'files'}, ${formatBytes(bytes)}, to ${style.plain(dir)}: every byte is what the id says`,
        claims === 0
          ? style.warn('no claim came along: nobody signed it')
          : `who signed it? \`weighmark verify ${forShell(dir)}\``,
        '',
      ].join('\n'),
    }),
  };
}
