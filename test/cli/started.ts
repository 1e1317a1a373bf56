import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { BARE, PROGRAM } from '../program.ts';

export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the program in a folder that is its home, with the registry `reg` in it. */
export function runIn(folder: string, args: readonly string[]): Ended {
  const env = { ...BARE, HOME: folder, WEIGHMARK_REGISTRY: 'reg' };
  return spawnSync(process.execPath, [PROGRAM, ...args], { cwd: folder, encoding: 'utf8', env });
}

/** The same of what must end well. */
export function mustRunIn(folder: string, args: readonly string[]): string {
  const { status, stdout, stderr } = runIn(folder, args);
  assert.equal(status, 0, `${args.join(' ')}\n${stderr}`);
  return stdout;
}
