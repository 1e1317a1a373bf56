import { resolve } from 'node:path';
import { CODES } from '../../domain/base/errors.ts';
import { parseAsked } from '../../domain/registry/reference.ts';
import { bomDiff } from '../../flows/bom/diff.ts';
import { filesOf as filesOfTree } from '../../flows/bom/create.ts';
import { diffArtifacts, type DiffSide } from '../../flows/describe/diff.ts';
import { relate } from '../../flows/derive/relate.ts';
import { inspectFiles, inspectPath } from '../../flows/describe/inspect.ts';
import { storedFiles } from '../../flows/registry/registry-show.ts';
import type { Register, Report } from '../command.ts';
import type { Context } from '../context.ts';
import { addLogOptions, openArtifact, type LogOptions } from '../registry-options.ts';
import { diffReport as bomReport } from '../views/bom.ts';
import { diffMarkdown, diffText, type Related } from '../views/diff.ts';
import { weighPorts } from '../weigh-ports.ts';

const HEAD = 4096;

/** `diff A B`: what changed, down to tensors. */
export const register: Register = (program, run) => {
  addLogOptions(program.command('diff'))
    .description('what changed from A to B: files, tensors and by how much, settings, records, licences; BOMs too')
    .argument('<a>', 'a path, NAME:TAG, NAME@sha256:…, oci://…')
    .argument('<b>', 'a path, NAME:TAG, NAME@sha256:…, oci://…')
    .action(run((context, a: string, b: string, options: LogOptions) => diff(context, [a, b], options)));
};

async function diff(context: Context, [a, b]: readonly [string, string], options: LogOptions): Promise<Report> {
  if ((await isBom(context, a)) && (await isBom(context, b))) return diffBoms(context, a, b);
  const sides = [await sideOf(context, a, options), await sideOf(context, b, options)] as const;
  const outcome = await diffArtifacts(...sides, { progress: context.progress, signal: context.signal });
  const weights = await relate(sides, outcome, { ...weighPorts(context), numbers: await context.numbers() });
  return report({ ...outcome, ...(weights === null ? {} : { weights }) }, context.options.verbose);
}

/** The BOMs' changes under the one schema of this command. */
async function diffBoms(context: Context, a: string, b: string): Promise<Report> {
  const outcome = await bomDiff(
    { a: resolve(context.cwd, a), b: resolve(context.cwd, b) },
    { files: await context.files() },
  );
  const made = bomReport(outcome, { a, b });
  return { ...made, json: { a, b, differs: outcome.changes.length > 0, bom: outcome.changes } };
}

async function isBom(context: Context, ref: string): Promise<boolean> {
  if (!ref.endsWith('.json') || parseAsked(ref).kind !== 'path') return false;
  const files = await context.files();
  const path = resolve(context.cwd, ref);
  if ((await files.kindOf(path)) !== 'file') return false;
  const file = await files.open(path, { followLink: true });
  try {
    return /"bomFormat"\s*:\s*"CycloneDX"/.test(Buffer.from(await file.read(0, HEAD)).toString('utf8'));
  } finally {
    await file.close();
  }
}

async function sideOf(context: Context, ref: string, options: LogOptions): Promise<DiffSide> {
  const reference = parseAsked(ref);
  const { signal } = context;
  if (reference.kind === 'path') {
    const files = await context.files();
    const root = resolve(context.cwd, reference.path);
    const tree = await files.walk(root, { allowSymlinks: true });
    return {
      shown: ref,
      files: filesOfTree(tree, new Map(), { files }),
      claimed: (await inspectPath(root, { files }, { signal })).claimed,
    };
  }
  const { registry, place } = await openArtifact(context, ref, options);
  const id = await registry.resolve(place.name, place.reference);
  const files = await storedFiles(registry, place.name, id);
  return { shown: ref, files, claimed: (await inspectFiles(files, { name: place.name, id }, { signal })).claimed };
}

function report(outcome: Related, verbose: boolean): Report {
  return {
    exitCode: outcome.differs ? CODES.differs : 0,
    json: { ...outcome },
    text: (style) => ({ out: diffText(outcome, { verbose }, style) }),
    markdown: () => diffMarkdown(outcome),
  };
}
