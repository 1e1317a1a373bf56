import { Option, type Command } from 'commander';
import { basename, resolve } from 'node:path';
import { WeighmarkError } from '../../../domain/base/errors.ts';
import { CROISSANT_VERSIONS, type CroissantVersion } from '../../../domain/metadata/croissant.ts';
import { formatCard, formatDatasetInfo } from '../../../domain/metadata/hub-card.ts';
import {
  checkDescription,
  describeDataset,
  hubInfo,
  type DescribePorts,
  type HubInput,
} from '../../../flows/data/describe.ts';
import type { Report, Run } from '../../command.ts';
import type { Context } from '../../context.ts';
import { verdictReport } from './check.ts';
import { secretFrom, secretOption } from './options.ts';

interface Options {
  readonly as: 'croissant' | 'card' | 'dataset-info';
  readonly croissant: CroissantVersion;
  readonly check?: string;
  readonly name?: string;
  readonly description?: string;
  readonly licence?: string;
  readonly url?: string;
  readonly creator?: string;
  readonly datasetVersion?: string;
  readonly date?: string;
  readonly secret?: string;
}

export function addDescribe(dataset: Command, run: Run): void {
  dataset
    .command('describe')
    .description('a description for others: Croissant, a card, dataset_info.json; or hold a dataset to one')
    .argument('<path>', 'file or folder')
    .addOption(
      new Option('--as <description>', 'what is written')
        .choices(['croissant', 'card', 'dataset-info'])
        .default('croissant'),
    )
    .addOption(new Option('--croissant <version>', 'of the format').choices(CROISSANT_VERSIONS).default('1.1'))
    .option('--check <file>', 'whether the files, or the records, are those that this description states')
    .option('--name <name>', 'default: the name of the file or folder')
    .option('--description <text>', 'what it is')
    .option('--licence <licence>', 'an SPDX identifier, or a URL')
    .option('--url <url>', 'where it is published')
    .option('--creator <name>', 'who made it')
    .option('--dataset-version <version>', 'of the dataset')
    .option('--date <date>', 'when it was published: 2026-11-30')
    .addOption(secretOption())
    .action(run(async (context, path: string, options: Options) => describe(context, path, options)));
}

async function describe(context: Context, path: string, options: Options): Promise<Report> {
  const { as, croissant, check, secret, datasetVersion, ...rest } = options;
  const root = resolve(context.cwd, path);
  const ports = await portsOf(context);
  const key = await secretFrom(context, secret);
  if (check !== undefined) {
    const description = resolve(context.cwd, check);
    return verdictReport(await checkDescription({ root, description, secret: key, shown: path }, ports), []);
  }
  if (rest.date !== undefined && !/^\d{4}-\d{2}-\d{2}$/.test(rest.date))
    throw new WeighmarkError('usage', `${rest.date} is no date`, { hint: 'such as 2026-11-30' });
  const version = datasetVersion === undefined ? {} : { version: datasetVersion };
  const described = { ...rest, ...version, name: rest.name ?? basename(root) };
  if (as !== 'croissant') return forHub(as, { root, described, secret: key }, ports);
  const text = await describeDataset({ root, version: croissant, described, secret: key }, ports);
  return { exitCode: 0, json: { croissant: JSON.parse(text) as object }, text: () => ({ out: text }) };
}

/** What `datasets` reads; which types it has no word for is said beside it. */
async function forHub(as: 'card' | 'dataset-info', input: HubInput, ports: DescribePorts): Promise<Report> {
  const { info, leftOut } = await hubInfo(input, ports);
  const text = as === 'card' ? formatCard(info) : formatDatasetInfo(info);
  const err = leftOut === null ? {} : { err: `no features: a column holds ${leftOut}\n` };
  return {
    exitCode: 0,
    json: { datasetInfo: JSON.parse(formatDatasetInfo(info)) as object },
    text: () => ({ out: text, ...err }),
  };
}

async function portsOf(context: Context): Promise<DescribePorts> {
  const { progress, signal } = context;
  return {
    files: await context.files(),
    hasher: () => context.hasher(),
    records: () => context.records(),
    progress,
    signal,
  };
}
