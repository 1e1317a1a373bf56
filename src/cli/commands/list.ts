import { findWeights, type FoundWeights } from '../../flows/registry/find-weights.ts';
import type { Register, Report } from '../command.ts';
import type { Context } from '../context.ts';
import { addLogOptions, openRegistry, type LogOptions } from '../registry-options.ts';
import { trustFrom } from '../trust-options.ts';
import { weightsLines } from '../views/weights-found.ts';
import { weightsAsked } from '../weights-option.ts';

interface Options extends LogOptions {
  readonly weights?: string;
}

/** `list`: every artifact of a registry, one a line; or those with certain weights, in whatever container. */
export const register: Register = (program, run) => {
  addLogOptions(program.command('list'))
    .description('list what a registry holds')
    .argument('[name]', 'only this name')
    .option(
      '--weights <digest|path>',
      'only sealed versions with these weights: a root or a tensor (blake3:…), or what lies at a path',
    )
    .action(
      run(async (context, name: string | undefined, options: Options) =>
        options.weights === undefined
          ? listed(context, name, options)
          : listedByWeights(context, name, { ...options, weights: options.weights }),
      ),
    );
};

async function listed(context: Context, name: string | undefined, options: Options): Promise<Report> {
  const registry = await openRegistry(context, options);
  const artifacts = (await registry.list()).filter((entry) => name === undefined || entry.name === name);
  return {
    exitCode: 0,
    json: { registry: registry.location, artifacts },
    text: (style) => ({
      out: artifacts
        .map(
          ({ name: each, id, tags }) =>
            `${style.plain(each)}@${id}${tags.length > 0 ? `  ${style.bold(tags.join(' '))}` : ''}\n`,
        )
        .join(''),
      err: artifacts.length === 0 ? `nothing in ${style.plain(registry.location)}\n` : '',
    }),
  };
}

/** What has no readable list leaves the answer open. */
async function listedByWeights(
  context: Context,
  name: string | undefined,
  options: Options & { readonly weights: string },
): Promise<Report> {
  const wanted = await weightsAsked(context, options.weights);
  const registry = await openRegistry(context, options);
  const verification = {
    trust: await trustFrom(context, {}),
    keyless: () => context.keyless(),
    now: context.clock.now(),
  };
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
