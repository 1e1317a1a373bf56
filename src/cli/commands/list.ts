import { greatest } from '../../domain/base/lists.ts';
import type { RegistryEntry } from '../../domain/ports/registry.ts';
import { findWeights, type FoundWeights } from '../../flows/registry/find-weights.ts';
import { pushesOf, type Pushed, type Pushes } from '../../flows/watch/pushes.ts';
import type { Register, Report, Style } from '../command.ts';
import type { Context } from '../context.ts';
import { renderFinding } from '../errors.ts';
import { addPolicyOptions, verificationUnder, type PolicyOptions } from '../policy-options.ts';
import { openRegistry } from '../registry-options.ts';
import { shortActor, strangersLine, timeColumn } from '../views/actor.ts';
import { weightsLines } from '../views/weights-found.ts';
import { weightsAsked } from '../weights-option.ts';

interface Options extends PolicyOptions {
  readonly short?: boolean;
  readonly weights?: string;
}

/** `list`: every artifact of a registry, one a line, with who pushed it and when; or those with certain weights. */
export const register: Register = (program, run) => {
  addPolicyOptions(program.command('list'))
    .description('list what a registry holds, who pushed it and when')
    .argument('[name]', 'only this name')
    .option('--short', 'names, ids and tags alone: reads no log and verifies nobody')
    .option(
      '--weights <digest|path>',
      'only sealed versions with these weights: a root or a tensor (blake3:…), or what lies at a path',
    )
    .action(
      run(async (context, name: string | undefined, options: Options) =>
        options.weights === undefined
          ? listAll(context, name, options)
          : listByWeights(context, name, { ...options, weights: options.weights }),
      ),
    );
};

async function listAll(context: Context, name: string | undefined, options: Options): Promise<Report> {
  const registry = await openRegistry(context, options);
  const artifacts = (await registry.list()).filter((entry) => name === undefined || entry.name === name);
  const who =
    options.short === true ? null : await pushesOf(artifacts, registry, () => verificationUnder(context, options));
  return listed({ location: registry.location, name }, artifacts, who);
}

/** @param who null: not asked. */
function listed(
  { location, name }: { readonly location: string; readonly name: string | undefined },
  artifacts: readonly RegistryEntry[],
  who: Pushes | null,
): Report {
  const pushes = who?.pushes ?? [];
  const problem = who?.problem ?? null;
  const known = new Map(pushes.map((each) => [`${each.name}@${each.id}`, each]));
  const width = greatest(artifacts.map(({ tags }) => tags.join(' ').length));
  const behind = (each: RegistryEntry, style: Style) => pushedText(known.get(`${each.name}@${each.id}`), style);
  return {
    exitCode: 0,
    json: { registry: location, artifacts, ...(who === null ? {} : { pushes, problem }) },
    text: (style) => ({
      out: artifacts
        .map((each) => `${version(each, { width, behind: who === null ? '' : behind(each, style) }, style)}\n`)
        .join(''),
      err: [
        artifacts.length === 0
          ? `nothing${name === undefined ? '' : ` called ${style.plain(name)}`} in ${style.plain(location)}\n`
          : '',
        problem === null ? '' : renderFinding(problem, style),
        strangersLine(pushes.map(({ actor }) => actor)),
      ].join(''),
    }),
  };
}

function version(
  { name, id, tags }: RegistryEntry,
  { width, behind }: { width: number; behind: string },
  style: Style,
): string {
  const shown = tags.join(' ');
  const tagged = behind === '' ? shown : shown.padEnd(width);
  return [`${style.plain(name)}@${id}`, ...(tagged === '' ? [] : [style.bold(tagged)]), behind]
    .filter((part) => part !== '')
    .join('  ');
}

function pushedText(pushed: Pushed | undefined, style: Style): string {
  if (pushed === undefined) return '';
  const waits = pushed.index === null ? style.warn("  waits for the log's operator") : '';
  return `${timeColumn(pushed.actor, style)}  ${shortActor(pushed.actor, style)}${waits}`;
}

/** What has no readable list leaves the answer open. */
async function listByWeights(
  context: Context,
  name: string | undefined,
  options: Options & { readonly weights: string },
): Promise<Report> {
  const wanted = await weightsAsked(context, options.weights);
  const registry = await openRegistry(context, options);
  const verification = await verificationUnder(context, options);
  const found = await findWeights(wanted, { registry, verification, hasher: () => context.hasher() });
  const isMeant = (entry: { readonly name: string }): boolean => name === undefined || entry.name === name;
  const holders = found.holders.filter(isMeant);
  const unexamined = found.unexamined.filter(isMeant);
  const artifacts = holders.map(({ name: each, id, tags }) => ({ name: each, id, tags }));
  const shown: FoundWeights = { holders, unexamined };
  return {
    exitCode: unexamined.length > 0 ? 4 : 0,
    json: { registry: registry.location, artifacts, weights: { blake3: wanted, ...shown } },
    text: (style) => ({ out: `${weightsLines(shown, style).join('\n')}\n` }),
  };
}
