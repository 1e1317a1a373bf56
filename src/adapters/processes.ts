import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { isatty } from 'node:tty';
import { write } from 'node:fs';
import { WeighmarkError } from '../domain/base/errors.ts';
import type { Processes } from '../domain/ports/outside.ts';

const PASSED: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGWINCH'];
/** A terminal sends these to everything that runs in it. */
const BY_TERMINAL: readonly NodeJS.Signals[] = ['SIGINT', 'SIGQUIT', 'SIGWINCH'];

export function createProcesses(): Processes {
  return { run, tell };
}

async function run(command: string, { args, env }: Parameters<Processes['run']>[1]): Promise<number> {
  const child = spawn(command, args, { stdio: 'inherit', env: { ...process.env, ...env } });
  const handlers = PASSED.map((signal) => {
    const pass = () => void (isFromTerminal(signal) || child.kill(signal));
    process.on(signal, pass);
    return () => process.off(signal, pass);
  });
  try {
    return await new Promise((resolve, reject) => {
      child.once('error', (cause) => reject(notStarted(cause, command)));
      child.once('exit', (code, signal) => resolve(code ?? 128 + constants.signals[signal ?? 'SIGKILL']));
    });
  } finally {
    for (const off of handlers) off();
  }
}

function isFromTerminal(signal: NodeJS.Signals): boolean {
  return BY_TERMINAL.includes(signal) && isatty(0);
}

function notStarted(cause: NodeJS.ErrnoException, command: string): WeighmarkError {
  const [code, why] =
    cause.code === 'ENOENT'
      ? (['not-found', 'there is no such program'] as const)
      : (['usage', cause.message] as const);
  return new WeighmarkError(code, `${command}: ${why}`, { subject: command, cause });
}

async function tell(descriptor: number, line: string): Promise<void> {
  return new Promise((resolve, reject) => {
    write(descriptor, line, (cause) => {
      if (cause === null) resolve();
      else
        reject(
          new WeighmarkError('usage', `file descriptor ${descriptor} cannot be written to: ${cause.message}`, {
            cause,
          }),
        );
    });
  });
}
