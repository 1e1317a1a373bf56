import { join } from 'node:path';
import { WeighmarkError } from '../../domain/base/errors.ts';
import type { Verdict } from '../../domain/base/verdict.ts';
import type { PrivatePlaces, Processes } from '../../domain/ports/outside.ts';

export interface ExecInput {
  /** A path on the file system that the place should be on, so that copies can be clones. */
  readonly near: string;
  /** Name of the folder that the command sees. */
  readonly name: string;
  /** The command and its arguments; `{}`, `--model={}` and `{}/config.json` have the path in them, code and JSON have not. */
  readonly words: readonly string[];
  /** Brings the artifact to a folder that is not there yet, or says no and leaves nothing. */
  readonly bring: (target: string) => Promise<Brought>;
  /** Told before the command starts, or instead of it. */
  readonly onVerdict: (verdict: Verdict, path: string | null) => Promise<void>;
}

export interface Brought {
  readonly verdict: Verdict;
  /** The one file of an artifact that is a file; null for a folder. */
  readonly file: string | null;
}

export interface ExecOutcome {
  readonly verdict: Verdict;
  /** Of the command, 128 and the signal's number if a signal ended it; null: it was not started. */
  readonly code: number | null;
}

export interface ExecPorts {
  readonly places: PrivatePlaces;
  readonly processes: Processes;
}

const PLACE = /^([^{}\s]*=)?\{\}(?=$|\/)/;

/**
 * Runs a command on bytes that were verified and that no other user can change any more; then takes them away.
 * @throws WeighmarkError `write-refused` if there is no private place, `not-found` if there is no such command.
 */
export async function exec(input: ExecInput, ports: ExecPorts): Promise<ExecOutcome> {
  const [command, ...words] = input.words;
  if (command === undefined) throw new WeighmarkError('usage', 'no command is named');
  const place = await ports.places.open(input.near);
  try {
    const target = join(place.folder, input.name);
    const { verdict, file } = await input.bring(target);
    const path = verdict.exitCode === 0 ? (file === null ? target : join(target, file)) : null;
    if (path !== null) await place.protect();
    await input.onVerdict(verdict, path);
    if (path === null) return { verdict, code: null };
    const code = await ports.processes.run(command, {
      args: words.map((word) => word.replace(PLACE, (_, before = '') => `${before}${path}`)),
      env: { WEIGHMARK_MODEL: path },
    });
    return { verdict, code };
  } finally {
    await place.remove();
  }
}
