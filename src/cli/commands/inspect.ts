import { parseAsked } from '../../domain/registry/reference.ts';
import { inspectFiles, inspectPath, type InspectOutcome } from '../../flows/describe/inspect.ts';
import { storedFiles } from '../../flows/registry/registry-show.ts';
import type { Register, Report } from '../command.ts';
import type { Context } from '../context.ts';
import { locate } from '../located.ts';
import { addLogOptions, openArtifact, type LogOptions } from '../registry-options.ts';
import { weighPorts } from '../weigh-ports.ts';
import { inspectJson, inspectMarkdown, inspectText } from '../views/inspect.ts';

interface Options extends LogOptions {
  readonly allowSymlinks?: boolean;
}

/** `inspect REF`: what it is, from headers and metadata; nothing is hashed and nobody's word is taken. */
export const register: Register = (program, run) => {
  addLogOptions(program.command('inspect'))
    .description('what it is: files, formats, tensors, parameters, metadata')
    .argument('<ref>', 'a path, s3://…, NAME:TAG, NAME@sha256:…, oci://…')
    .option(
      '--weights',
      'read the weights and say what they are, whatever holds them: three roots (weighmark-weights/1)',
    )
    .option('--allow-symlinks', 'follow symbolic links inside the artifact')
    .action(
      run(async (context, ref: string, options: Options) =>
        report(await inspect(context, ref, options), ref, context.options.verbose),
      ),
    );
};

interface Options extends LogOptions {
  readonly weights?: boolean;
  readonly allowSymlinks?: boolean;
}

async function inspect(context: Context, ref: string, options: Options): Promise<InspectOutcome> {
  const how = { signal: context.signal, ...(options.weights === true ? { weigh: weighPorts(context) } : {}) };
  const reference = parseAsked(ref);
  if (reference.kind === 'path') {
    const links = { allowSymlinks: options.allowSymlinks === true };
    const { storeView } = await import('../../flows/content/stores.ts');
    const { root, files } = await storeView(locate(context.cwd, reference.path), await context.files());
    return inspectPath(root, { files }, { ...how, ...links });
  }
  const { registry, place } = await openArtifact(context, ref, options);
  const id = await registry.resolve(place.name, place.reference);
  return inspectFiles(await storedFiles(registry, place.name, id), { name: place.name, id }, how);
}

/** Weights were asked for, and some could not be examined whole. */
function isOpen({ weighed = [] }: InspectOutcome): boolean {
  return weighed.some(({ identity }) => identity === null);
}

function report(outcome: InspectOutcome, ref: string, verbose: boolean): Report {
  return {
    exitCode: outcome.lfsPointers.length > 0 || isOpen(outcome) ? 4 : 0,
    json: inspectJson(outcome, ref),
    text: (style) => ({ out: inspectText(outcome, { ref, onDisk: parseAsked(ref).kind === 'path', verbose }, style) }),
    markdown: () => inspectMarkdown(outcome, ref),
  };
}
