import { hashingObjects, openObjects, withObjects, type Objects } from '../adapters/objects/index.ts';
import { createProgress } from '../adapters/progress.ts';
import { WeighmarkError } from '../domain/base/errors.ts';
import { forTerminal } from '../domain/base/text.ts';
import type { Assets, EvidencePacker, PrivatePlaces, Processes, Webhook } from '../domain/ports/outside.ts';
import type { BomSchemaValidator } from '../domain/ports/bom-validator.ts';
import type { Clock, Progress } from '../domain/ports/terminal.ts';
import type { Configuration, TimeMemory, TrustStore, VersionMemory } from '../domain/ports/trust.ts';
import type { Feeds } from '../domain/ports/feeds.ts';
import type { Files, Stagings, StatCache } from '../domain/ports/files.ts';
import type { Git } from '../domain/ports/git.ts';
import type { Hasher } from '../domain/ports/hasher.ts';
import type { KeylessVerifier } from '../domain/trust/keyless-verifier.ts';
import type { WeightNumbers } from '../domain/ports/numbers.ts';
import type { Records } from '../domain/ports/records.ts';
import type { Registries, Registry } from '../domain/ports/registry.ts';
import type { Signers } from '../domain/ports/signing.ts';
import { isTerminal, say, streamOf } from './output.ts';

/** What every command may use. Adapters are made on first use, so that `hash` never loads a Sigstore package. */
export interface Context {
  /** Of weighmark itself. */
  readonly version: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly options: CommonOptions;
  readonly clock: Clock;
  readonly progress: Progress;
  /** Aborted by SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
  files(): Promise<Files>;
  hasher(): Promise<Hasher>;
  /** What quantisers make of weights. */
  numbers(): Promise<WeightNumbers>;
  /** Datasets record by record. */
  records(): Promise<Records>;
  assets(): Promise<Assets>;
  bomValidator(): Promise<BomSchemaValidator>;
  git(folder: string): Promise<Git>;
  /** For the hook only: never behind a verdict. */
  statCache(): Promise<StatCache>;
  signers(): Promise<Signers>;
  keyless(): Promise<KeylessVerifier>;
  trustStore(): Promise<TrustStore>;
  configuration(): Promise<Configuration>;
  versions(): Promise<VersionMemory>;
  times(): Promise<TimeMemory>;
  stagings(): Promise<Stagings>;
  privatePlaces(): Promise<PrivatePlaces>;
  processes(): Promise<Processes>;
  evidencePacker(): Promise<EvidencePacker>;
  feeds(): Promise<Feeds>;
  /** @throws WeighmarkError `usage` for an address that is not used. */
  webhook(address: string): Promise<Webhook>;
  registries(): Promise<Registries>;
  /** The one given, else `--registry`, WEIGHMARK_REGISTRY or the configuration's. @throws WeighmarkError `usage` if none is named. */
  registry(location?: string): Promise<Registry>;
  /** Reads standard input to the end, bounded. */
  stdin(maxBytes: number): Promise<Uint8Array>;
  /** Asks on the terminal; null where there is none. `secret` does not echo. */
  ask(question: string, options?: { secret?: boolean }): Promise<string | null>;
}

/** A further rendering of the same run. */
export interface OutputFile {
  readonly format: string;
  readonly to: string;
  /** A CI system's own file of summaries: others write to it too. */
  readonly append: boolean;
}

export interface CommonOptions {
  /** What is printed. */
  readonly format: string;
  readonly files: readonly OutputFile[];
  readonly output?: string;
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly progress: boolean;
  readonly jobs?: number;
  readonly offline: boolean;
  readonly registry?: string;
}

export interface ContextSettings {
  readonly version: string;
  readonly options: CommonOptions;
  readonly signal: AbortSignal;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
}

/** The composition root: the only place that knows adapters. */
export function createContext(settings: ContextSettings): Context {
  const objects = once(async () => objectsOf(settings));
  const openFiles = once(async () => withObjects(await filesOnDisk(settings.env), objects));
  const parts = trustParts(settings, openFiles);
  return {
    ...settings,
    clock: { now: () => new Date() },
    progress: createProgress(() => streamOf('stderr'), settings.options.progress && isTerminal('stderr')),
    files: openFiles,
    hasher: once(async () => {
      const { createHasher } = await import('../adapters/hasher/index.ts');
      return hashingObjects(await createHasher(kernelOf(settings.env)), objects);
    }),
    numbers: once(async () => (await import('../adapters/weights/index.ts')).createNumbers(kernelOf(settings.env))),
    records: once(async () =>
      (await import('../adapters/records/index.ts')).createRecords({ env: settings.env, ...kernelOf(settings.env) }),
    ),
    ...parts,
    versions: once(async () => {
      const [{ createVersionMemory }, { stateFolder }] = await Promise.all([
        import('../adapters/version-memory.ts'),
        import('../adapters/registries/setup.ts'),
      ]);
      return createVersionMemory(await openFiles(), stateFolder(settings.env));
    }),
    times: once(async () => {
      const [{ createTimeMemory }, { stateFolder }] = await Promise.all([
        import('../adapters/time-memory.ts'),
        import('../adapters/registries/setup.ts'),
      ]);
      return createTimeMemory(await openFiles(), stateFolder(settings.env));
    }),
    evidencePacker: once(async () => (await import('../adapters/evidence.ts')).createEvidencePacker()),
    stagings: once(async () => (await import('../adapters/staging.ts')).createStagings({ warn: warnOf(settings) })),
    privatePlaces: once(async () => (await import('../adapters/private-place.ts')).createPrivatePlaces(settings.env)),
    processes: once(async () => (await import('../adapters/processes.ts')).createProcesses()),
    feeds: once(async () =>
      (await import('../adapters/feeds/index.ts')).createFeeds({
        env: settings.env,
        cwd: settings.cwd,
        offline: settings.options.offline,
      }),
    ),
    webhook: async (address) =>
      (await import('../adapters/webhook.ts')).createWebhook(address, {
        env: settings.env,
        signal: settings.signal,
        offline: settings.options.offline,
      }),
    ...registryParts(settings, parts.configuration),
    statCache: once(async () =>
      (await import('../adapters/stat-cache.ts')).createStatCache({ env: settings.env, version: settings.version }),
    ),
    git: async (folder) => (await import('../adapters/git/index.ts')).createGit(folder),
    assets: once(async () => (await import('../adapters/assets.ts')).createAssets()),
    bomValidator: once(async () =>
      (await import('../adapters/bom-validator/index.ts')).createBomValidator(settings.signal),
    ),
    stdin: async (maxBytes) => (await import('../adapters/terminal.ts')).readStandardInput(maxBytes),
    ask: async (question, options) => (await import('../adapters/terminal.ts')).askOnTerminal(question, options),
  };
}

/** Commands that walk folders make the garbage of many files. */
async function filesOnDisk(env: ContextSettings['env']): Promise<Files> {
  const [{ createFiles }, { roomHere }, { keepHeapSmall }] = await Promise.all([
    import('../adapters/files/index.ts'),
    import('../adapters/files/machine.ts'),
    import('./memory.ts'),
  ]);
  return createFiles({ native: kernelOf(env).kernel !== 'wasm', onWalk: keepHeapSmall(roomHere().allBytes) });
}

async function objectsOf(settings: ContextSettings): Promise<Objects> {
  const { loadSdk, s3Store } = await import('../adapters/objects/sdk.ts');
  const { env, signal } = settings;
  return openObjects(s3Store(await loadSdk(), { env, signal, offline: settings.options.offline }));
}

/** Keys, trust and configuration: of these only signing keyless and `trust update` load Sigstore code. */
function trustParts(
  settings: ContextSettings,
  files: Context['files'],
): Pick<Context, 'signers' | 'keyless' | 'trustStore' | 'configuration'> {
  const trustStore = once(async () => {
    const { createUserTrustStore } = await import('../adapters/trust-store/index.ts');
    return createUserTrustStore(await files(), settings);
  });
  return {
    trustStore,
    signers: once(async () => (await import('../adapters/keys/index.ts')).createUserSigners(await files(), settings)),
    keyless: once(async () =>
      (await import('../adapters/sigstore/index.ts')).createUserVerifier(await files(), settings.env),
    ),
    configuration: once(async () => {
      const { readUserConfiguration } = await import('../adapters/config/index.ts');
      return readUserConfiguration(await files(), settings, async () => (await (await trustStore()).read()).allowed);
    }),
  };
}

function registryParts(
  settings: ContextSettings,
  configuration: Context['configuration'],
): Pick<Context, 'registries' | 'registry'> {
  const registries = once(async () => {
    const { createRegistries } = await import('../adapters/registries/index.ts');
    return createRegistries({
      env: settings.env,
      cwd: settings.cwd,
      signal: settings.signal,
      offline: settings.options.offline,
    });
  });
  return {
    registries,
    registry: async (location) => {
      const { registry, logKey } = (await configuration()).settings;
      const chosen = location ?? (settings.options.registry || registry);
      if (chosen !== undefined)
        return (await registries()).open(chosen, logKey === undefined ? {} : { logKeyFile: logKey });
      throw new WeighmarkError('usage', 'no registry is named', {
        hint: 'say `--registry DIR`, or make one with `weighmark registry init DIR`',
      });
    },
  };
}

function warnOf({ options }: ContextSettings): (sentence: string) => void {
  return (sentence) => (options.quiet ? undefined : say('stderr', `weighmark: warning: ${forTerminal(sentence)}\n`));
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}

function kernelOf(env: ContextSettings['env']): { kernel?: 'wasm' | 'native' } {
  const kernel = env['WEIGHMARK_KERNEL'];
  if (kernel === undefined || kernel === '') return {};
  if (kernel === 'wasm' || kernel === 'native') return { kernel };
  throw new WeighmarkError('usage', 'WEIGHMARK_KERNEL is neither wasm nor native');
}
