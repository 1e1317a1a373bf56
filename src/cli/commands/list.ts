import { greatest } from '../../domain/base/lists.ts';
import type { RegistryEntry } from '../../domain/ports/registry.ts';
import { pushesOf, type Pushed, type Pushes } from '../../flows/watch/pushes.ts';
import type { Register, Report, Style } from '../command.ts';
import { renderFinding } from '../errors.ts';
import { addPolicyOptions, verificationUnder, type PolicyOptions } from '../policy-options.ts';
import { openRegistry } from '../registry-options.ts';
import { shortActor, strangersLine, timeColumn } from '../views/actor.ts';

interface Options extends PolicyOptions {
  readonly short?: boolean;
}

/** `list`: every artifact of a registry, one a line, with who pushed it and when. */
export const register: Register = (program, run) => {
  addPolicyOptions(program.command('list'))
    .description('list what a registry holds, who pushed it and when')
    .argument('[name]', 'only this name')
    .option('--short', 'names, ids and tags alone: reads no log and verifies nobody')
    .action(
      run(async (context, name: string | undefined, options: Options) => {
        const registry = await openRegistry(context, options);
        const artifacts = (await registry.list()).filter((entry) => name === undefined || entry.name === name);
        const who =
          options.short === true
            ? null
            : await pushesOf(artifacts, registry, () => verificationUnder(context, options));
        return listed(registry.location, artifacts, who);
      }),
    );
};

/** @param who null: not asked. */
function listed(location: string, artifacts: readonly RegistryEntry[], who: Pushes | null): Report {
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
        artifacts.length === 0 ? `nothing in ${style.plain(location)}\n` : '',
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
