import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/**
 * How often V8 lets a regular expression step back in one match before it says so, on standard output, and takes an engine
 * that never does. The flags count; nothing else changes. An expression with a look-around or a back reference has no other
 * engine and is not counted.
 */
const flags = (backtracks: number): readonly string[] => [
  '--enable-experimental-regexp-engine-on-excessive-backtracks', `--regexp-backtracks-before-fallback=${backtracks}`,
  '--trace-experimental-regexp-engine', '--no-regexp-optimization',
];

export interface Ran {
  /** Regular expressions that stepped back too often in one match. */
  readonly tired: readonly string[];
  readonly status: number | null;
  /** All that was said. */
  readonly text: string;
}

/** Runs a module of the project in a process of its own, every match of a regular expression held to so many steps back. */
export function runCounting(module: string, { backtracks, words = [] }: { readonly backtracks: number; readonly words?: readonly string[] }): Ran {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...flags(backtracks), fileURLToPath(module), ...words], { encoding: 'utf8' });
  const tired = stdout.matchAll(/^Experimental execution \(oneshot\) of regexp \S+ <(.*)>$/gm).map(([, source = '']) => source);
  return { tired: [...new Set(tired)], status, text: stdout + stderr };
}
