import { appendFileSync, readFileSync, existsSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';

/**
 * Loaded first (`--import`) in every process that runs mutants, commands that tests start too: sources come from the folder
 * where all mutants of a file stand behind one switch, and this is the switch.
 */
const { WEIGHMARK_MUTANTS: folder = '', WEIGHMARK_MUTANT, WEIGHMARK_MUTANT_SEEN: seenFile } = process.env;
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Thrown out of what would not end. */
export class TooManySteps extends Error {}

/** A command that a test starts: nobody in it waits for an error, and its test waits for it. A hundred times what any needs. */
const isCommand = process.argv[1]?.endsWith('/test/mutation/worker.ts') !== true;
const COMMAND_STEPS = 20_000_000;

export const switchboard = {
  /** The mutant that runs; -1: none. */
  active: Number(WEIGHMARK_MUTANT ?? -1),
  /** Where mutants could have run since this was emptied. */
  seen: new Set<number>(),
  /** How often anything was asked: what a loop that a mutant made endless runs up. */
  steps: 0,
  limit: isCommand ? COMMAND_STEPS : Infinity,
};

(globalThis as { weighmarkMutant?: (id: number) => boolean }).weighmarkMutant = (id) => {
  if (switchboard.active === -1) switchboard.seen.add(id);
  switchboard.steps += 1;
  if (switchboard.steps > switchboard.limit && isCommand) process.exit(70);
  if (switchboard.steps > switchboard.limit) throw new TooManySteps('more steps than there is any need for');
  return id === switchboard.active;
};

/** A command that a test starts tells its test what it came by. */
if (seenFile !== undefined && WEIGHMARK_MUTANT === undefined)
  process.on('exit', () => appendFileSync(seenFile, [...switchboard.seen].map((id) => `${id}\n`).join('')));

registerHooks({
  resolve: (specifier, context, next) =>
    specifier === 'node:test' && process.env['WEIGHMARK_MUTANT_WORKER'] === 'yes'
      ? { url: new URL('./node-test.ts', import.meta.url).href, shortCircuit: true }
      : next(specifier, context),
  load: (url, context, next) => {
    const path = url.startsWith('file:') ? fileURLToPath(url) : '';
    const changed = `${folder}/${path.slice(ROOT.length)}.js`;
    return path.startsWith(`${ROOT}src/`) && existsSync(changed)
      ? { format: 'module', source: readFileSync(changed), shortCircuit: true }
      : next(url, context);
  },
});
