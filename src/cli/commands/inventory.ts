import { homedir, hostname } from 'node:os';
import { resolve } from 'node:path';
import { worstExit, WeighmarkError, type ExitCode } from '../../domain/base/errors.ts';
import { exitOf } from '../../domain/base/verdict.ts';
import { atLeast, isCounted } from '../../domain/scan/types.ts';
import { findArtifacts } from '../../flows/load/find-artifacts.ts';
import { inventory } from '../../flows/load/inventory.ts';
import type { Inventory } from '../../flows/load/inventory-types.ts';
import type { PromotionQuestion } from '../../flows/load/promoted.ts';
import { userPlaces } from '../../flows/load/user-places.ts';
import type { Register, Report } from '../command.ts';
import { collect } from '../command.ts';
import type { Context } from '../context.ts';
import { feedsOf } from '../feed-options.ts';
import { addEnvironmentOptions, asksPolicy, pinnedOf, type EnvironmentOptions } from '../gate-verdict.ts';
import { gatePorts, openUnder, policyFrom, type LoadedPolicy } from '../policy-options.ts';
import { addTrustOptions, type TrustOptions } from '../trust-options.ts';
import { verifyPorts } from '../verification.ts';
import { inventoryHtml, type InventoryPage } from '../views/inventory-html.ts';
import { inventoryBom, inventoryJson, inventoryText } from '../views/inventory.ts';

interface Options extends TrustOptions, EnvironmentOptions {
  readonly stores: boolean;
  readonly hash?: boolean;
  readonly feed?: readonly string[];
  readonly feedKey?: string;
}

/** `inventory [PATH…]`: every model on this machine. */
export const register: Register = (program, run) => {
  const command = program
    .command('inventory')
    .description(
      'every model, dataset, adapter and agent skill on this machine: what, whose, known against it, promoted',
    )
    .argument('[path...]', 'further folders and files to look in')
    .option('--no-stores', 'only the paths given, not the caches and stores of this user')
    .option('--hash', 'read every byte: ids, signed content, what stores recorded')
    .option('--feed <file|url>', 'hold all of it against threat intelligence (repeat)', collect)
    .option('--feed-key <file>', 'public key (PEM) that must have signed every feed, as <feed>.sig');
  addEnvironmentOptions(addTrustOptions(command)).action(
    run(async (context, paths: readonly string[], options: Options) => {
      if (paths.length === 0 && !options.stores)
        throw new WeighmarkError('usage', '--no-stores needs a path to look in');
      return take(context, paths, options);
    }),
  );
};

async function take(context: Context, paths: readonly string[], options: Options): Promise<Report> {
  const named = paths.map((path) => ({ store: 'folder' as const, location: resolve(context.cwd, path) }));
  const files = await context.files();
  for (const { location } of named)
    if ((await files.kindOf(location)) === 'none')
      throw new WeighmarkError('not-found', `${location}: there is no such file or folder`, { subject: location });
  const places = [...named, ...(options.stores ? await userPlaces(context.env, whereOf(context), files) : [])];
  const finds = await findArtifacts(places, { files, signal: context.signal });
  const inside = finds.found.map(({ location }) => location);
  const loaded = asksPolicy(options) ? await policyFrom(context, options, inside) : undefined;
  const { index, feeds } = await feedsOf(context, options);
  const found = await inventory(
    {
      finds,
      hash: options.hash === true,
      ...(index === undefined ? {} : { feeds: index }),
      ...(loaded === undefined ? {} : { promotion: await promotionOf(context, options, loaded) }),
    },
    await verifyPorts(context, { inside, loaded }, options),
  );
  const policy =
    loaded === undefined
      ? null
      : { name: loaded.policy.name, version: loaded.policy.version, environment: options.env ?? null };
  return report(context, found, {
    hashed: options.hash === true,
    feeds: feeds.map(({ location }) => location),
    policy,
  });
}

function whereOf({ env, cwd }: Context): { readonly home: string; readonly cwd: string } {
  return { home: env['HOME'] ?? homedir(), cwd };
}

async function promotionOf(context: Context, options: Options, loaded: LoadedPolicy): Promise<PromotionQuestion> {
  return {
    ...loaded,
    ...pinnedOf(options),
    environment: options.env ?? null,
    registry: await openUnder(context, loaded.policy, options),
    ports: await gatePorts(context),
  };
}

/** What could not be read leaves the list open; what is known to be bad is a finding from high on, as `scan` has it. */
function exitCodeOf({ items, broken }: Inventory): ExitCode {
  const bad = items.some(({ known }) => known.some((each) => isCounted(each) && atLeast(each.severity, 'high')));
  return worstExit([
    0,
    ...(bad ? ([1] as const) : []),
    ...(broken.length > 0 ? ([4] as const) : []),
    ...items.flatMap(({ findings }) => findings.map(exitOf)),
  ]);
}

type About = Pick<InventoryPage, 'hashed' | 'policy'> & { readonly feeds: readonly string[] };

function report(context: Context, found: Inventory, about: About): Report {
  return {
    exitCode: exitCodeOf(found),
    json: inventoryJson(found, about),
    text: (style) => ({ out: inventoryText(found, style) }),
    other: {
      cyclonedx: () => inventoryBom(found, { machine: hostname(), version: context.version }),
      html: () =>
        inventoryHtml(found, {
          ...about,
          machine: hostname(),
          version: context.version,
          generated: context.clock.now().toISOString(),
        }),
    },
  };
}
