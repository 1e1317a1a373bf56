import type { Command } from 'commander';
import { readFileSync } from 'node:fs';
import type { Register, Run } from './command.ts';
import { say } from './output.ts';

type Load = () => Promise<{ readonly register: Register }>;

/** Every command there is, by what people want and in the order of `--help`; each is loaded when it is named. */
const GROUPS: Readonly<Record<string, Readonly<Record<string, Load>>>> = {
  'Look:': {
    inspect: () => import('./commands/inspect.ts'),
    scan: () => import('./commands/scan.ts'),
    inventory: () => import('./commands/inventory.ts'),
    diff: () => import('./commands/diff.ts'),
    derive: () => import('./commands/derive.ts'),
    kin: () => import('./commands/kin.ts'),
    dataset: () => import('./commands/dataset.ts'),
  },
  'Seal and verify:': {
    seal: () => import('./commands/seal.ts'),
    verify: () => import('./commands/verify.ts'),
    exec: () => import('./commands/exec.ts'),
    sign: () => import('./commands/sign.ts'),
    attest: () => import('./commands/attest.ts'),
    hash: () => import('./commands/hash.ts'),
    bom: () => import('./commands/bom.ts'),
  },
  'Keep:': {
    registry: () => import('./commands/registry.ts'),
    push: () => import('./commands/push.ts'),
    pull: () => import('./commands/pull.ts'),
    copy: () => import('./commands/copy.ts'),
    list: () => import('./commands/list.ts'),
    show: () => import('./commands/show.ts'),
    log: () => import('./commands/log.ts'),
  },
  'Promote:': {
    promote: () => import('./commands/promote.ts'),
    approve: () => import('./commands/approve.ts'),
    rollback: () => import('./commands/rollback.ts'),
    revoke: () => import('./commands/revoke.ts'),
    impact: () => import('./commands/impact.ts'),
    audit: () => import('./commands/audit.ts'),
    policy: () => import('./commands/policy.ts'),
  },
  'Explain:': {
    lineage: () => import('./commands/lineage.ts'),
    report: () => import('./commands/report.ts'),
    explain: () => import('./commands/explain.ts'),
  },
  'Set up:': {
    init: () => import('./commands/init.ts'),
    keygen: () => import('./commands/keygen.ts'),
    trust: () => import('./commands/trust.ts'),
    hook: () => import('./commands/hook.ts'),
    completion: () => import('./commands/completion.ts'),
  },
};

const COMMANDS: Readonly<Record<string, Load>> = Object.assign({}, ...Object.values(GROUPS)) as Record<string, Load>;

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
  for (const [heading, commands] of Object.entries(GROUPS))
    for (const command of program.commands) if (Object.hasOwn(commands, command.name())) command.helpGroup(heading);
}

function namedCommand(argv: readonly string[]): string | undefined {
  const word = argv.find((argument) => !argument.startsWith('-'));
  return word !== undefined && word !== 'completion' && Object.hasOwn(COMMANDS, word) ? word : undefined;
}
