import type { Command } from 'commander';
import { readFileSync } from 'node:fs';
import type { Register, Run } from './command.ts';
import { say } from './output.ts';

type Load = () => Promise<{ readonly register: Register }>;

/** Every command there is, in the order of `--help`; each is loaded when it is named. */
const COMMANDS: Readonly<Record<string, Load>> = {
  verify: () => import('./commands/verify.ts'),
  seal: () => import('./commands/seal.ts'),
  scan: () => import('./commands/scan.ts'),
  derive: () => import('./commands/derive.ts'),
  exec: () => import('./commands/exec.ts'),
  diff: () => import('./commands/diff.ts'),
  sign: () => import('./commands/sign.ts'),
  attest: () => import('./commands/attest.ts'),
  hash: () => import('./commands/hash.ts'),
  bom: () => import('./commands/bom.ts'),
  inspect: () => import('./commands/inspect.ts'),
  inventory: () => import('./commands/inventory.ts'),
  init: () => import('./commands/init.ts'),
  keygen: () => import('./commands/keygen.ts'),
  trust: () => import('./commands/trust.ts'),
  registry: () => import('./commands/registry.ts'),
  push: () => import('./commands/push.ts'),
  pull: () => import('./commands/pull.ts'),
  copy: () => import('./commands/copy.ts'),
  list: () => import('./commands/list.ts'),
  dataset: () => import('./commands/dataset.ts'),
  show: () => import('./commands/show.ts'),
  log: () => import('./commands/log.ts'),
  promote: () => import('./commands/promote.ts'),
  approve: () => import('./commands/approve.ts'),
  rollback: () => import('./commands/rollback.ts'),
  revoke: () => import('./commands/revoke.ts'),
  impact: () => import('./commands/impact.ts'),
  audit: () => import('./commands/audit.ts'),
  policy: () => import('./commands/policy.ts'),
  lineage: () => import('./commands/lineage.ts'),
  hook: () => import('./commands/hook.ts'),
  report: () => import('./commands/report.ts'),
  completion: () => import('./commands/completion.ts'),
};

/** Runs one command line and sets the exit code of the process. Never throws. */
export async function main(argv: readonly string[]): Promise<void> {
  if (argv.length === 1 && (argv[0] === '--version' || argv[0] === '-V')) return say('stdout', `${version()}\n`);
  const { asksVersion, createProgram, runner } = await import('./program.ts');
  const run = runner(argv, version());
  const program = createProgram(version());
  if (!asksVersion(argv)) await addCommands(program, run, namedCommand(argv));
  await run.start(program);
}

/** The whole command tree, as `--help`, completion and the manual pages show it. */
export async function allCommands(version: string, run: Run): Promise<Command> {
  const { addCommonOptions, createProgram, leaves } = await import('./program.ts');
  const program = createProgram(version);
  await addCommands(program, run, undefined);
  for (const command of leaves(program)) addCommonOptions(command);
  return program;
}

export function commandNames(): readonly string[] {
  return Object.keys(COMMANDS);
}

function version(): string {
  const { version: text } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return text;
}

/** The one command that is named, so that nothing else is loaded; all of them for help, completion and typing errors. */
async function addCommands(program: Command, run: Run, name: string | undefined): Promise<void> {
  const load = name === undefined ? undefined : COMMANDS[name];
  const loads = load === undefined ? Object.values(COMMANDS) : [load];
  for (const { register } of await Promise.all(loads.map((each) => each()))) register(program, run);
}

function namedCommand(argv: readonly string[]): string | undefined {
  const word = argv.find((argument) => !argument.startsWith('-'));
  return word !== undefined && word !== 'completion' && Object.hasOwn(COMMANDS, word) ? word : undefined;
}
