import { spawn } from 'node:child_process';
import { homedir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { WeighmarkError } from '../../../domain/base/errors.ts';
import { isJsonObject, parseStrictJsonObject, type Json } from '../../../domain/base/json.ts';
import { LIMITS } from '../../../domain/base/limits.ts';
import { createFiles } from '../../files/index.ts';

/** What Docker's configuration knows for one host. Never printed, never in an error. */
export type Credentials = { readonly username: string; readonly password: string } | { readonly identityToken: string };

export interface CredentialDeps {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
}

const HELPER_NAME = /^[a-z0-9._-]+$/;
const HELPER_TIMEOUT_MS = 30_000;
/** What helpers print when they know nothing: not an error. */
const NOT_FOUND = /credentials not found|no credentials|not found in native keychain/i;

/** Docker Hub: its own name, that of its API, and the one that Docker's configuration has it under. */
const HUB_SPELLINGS = ['https://index.docker.io/v1/', 'index.docker.io', 'docker.io', 'registry-1.docker.io'];

export function isDockerHub(host: string): boolean {
  return HUB_SPELLINGS.includes(host);
}

/**
 * Of Docker’s configuration, else of Podman’s: `credHelpers` of the exact host, else `credsStore`, else `auths` of the exact host (of the
 * longest `host/path` there is, as Podman has them). The first file that knows anything decides.
 * https://docs.docker.com/reference/cli/docker/login/ · containers-auth.json(5)
 * @throws WeighmarkError `config-invalid` for a broken configuration or a helper of an unsafe name.
 */
export async function findCredentials(
  host: string,
  deps: CredentialDeps,
  repository = '',
): Promise<Credentials | null> {
  for (const file of configFiles(deps.env)) {
    const bytes = await createFiles().readIfThere(file, LIMITS.configBytes);
    const found = bytes === null ? null : await readConfig({ file, bytes }, { host, repository }, deps);
    if (found !== null) return found;
  }
  return null;
}

/** In the order they are asked; one that the environment names comes first. */
function configFiles(env: CredentialDeps['env']): readonly string[] {
  const home = env['HOME'] ?? homedir();
  const { REGISTRY_AUTH_FILE: named, DOCKER_CONFIG: docker, XDG_RUNTIME_DIR: run, XDG_CONFIG_HOME: config } = env;
  return [
    ...(isSet(named) ? [named] : []),
    join(isSet(docker) ? docker : join(home, '.docker'), 'config.json'),
    ...(isSet(run) ? [join(run, 'containers', 'auth.json')] : []),
    join(isSet(config) ? config : join(home, '.config'), 'containers', 'auth.json'),
  ];
}

function isSet(value: string | undefined): value is string {
  return value !== undefined && value !== '';
}

interface Asked {
  readonly host: string;
  readonly repository: string;
}

async function readConfig(
  { file, bytes }: { file: string; bytes: Uint8Array },
  asked: Asked,
  deps: CredentialDeps,
): Promise<Credentials | null> {
  const config = parseStrictJsonObject(bytes, { code: 'config-invalid', subject: file, refuseCaseDuplicates: false });
  const helper = helperFor(config, asked.host);
  return helper === null
    ? readAuths(config['auths'], asked)
    : askHelper(helper, isDockerHub(asked.host) ? (HUB_SPELLINGS[0] ?? '') : asked.host, deps);
}

function helperFor(config: { readonly [key: string]: Json }, host: string): string | null {
  const { credHelpers, credsStore } = config;
  const own = isJsonObject(credHelpers)
    ? spellings(host)
        .map((key) => credHelpers[key])
        .find(isName)
    : undefined;
  return own ?? (isName(credsStore) ? credsStore : null);
}

function isName(value: Json | undefined): value is string {
  return typeof value === 'string' && value !== '';
}

function spellings(host: string): readonly string[] {
  return isDockerHub(host) ? HUB_SPELLINGS : [host];
}

/** Keys are hosts, hosts as old Docker wrote them (`https://host/v1/`), or Podman's `host/path`: nothing else matches. */
function readAuths(auths: Json | undefined, { host, repository }: Asked): Credentials | null {
  if (!isJsonObject(auths)) return null;
  const parts = repository.split('/');
  const paths = parts.map((_, at) => parts.slice(0, parts.length - at).join('/')).filter((path) => path !== '');
  const names = spellings(host);
  const keys = [
    ...paths.flatMap((path) => names.map((name) => `${name}/${path}`)),
    ...names.flatMap((name) => [name, `https://${name}`, `https://${name}/v1/`, `https://${name}/v2/`]),
  ];
  const entry = keys.map((key) => auths[key]).find(isJsonObject);
  if (entry === undefined) return null;
  if (typeof entry['identitytoken'] === 'string' && entry['identitytoken'] !== '')
    return { identityToken: entry['identitytoken'] };
  if (typeof entry['auth'] !== 'string') return null;
  const text = Buffer.from(entry['auth'], 'base64').toString();
  const colon = text.indexOf(':');
  return colon < 0 ? null : { username: text.slice(0, colon), password: text.slice(colon + 1).replaceAll('\0', '') };
}

/** `docker-credential-NAME get`: no shell, never out of the working folder (security rule 23). */
async function askHelper(name: string, host: string, deps: CredentialDeps): Promise<Credentials | null> {
  if (!HELPER_NAME.test(name))
    throw new WeighmarkError('config-invalid', "Docker's configuration names a credential helper of an unsafe name", {
      subject: name,
    });
  const { output, failed } = await runHelper(`docker-credential-${name}`, host, deps);
  if (failed) {
    if (NOT_FOUND.test(output)) return null;
    throw new WeighmarkError('config-invalid', `the credential helper docker-credential-${name} failed`, {
      subject: host,
    });
  }
  const answer = parseStrictJsonObject(output, {
    code: 'config-invalid',
    subject: `docker-credential-${name}`,
    refuseCaseDuplicates: false,
  });
  const { Username: username, Secret: secret } = answer;
  if (typeof username !== 'string' || typeof secret !== 'string' || secret === '') return null;
  return username === '<token>' ? { identityToken: secret } : { username, password: secret };
}

async function runHelper(
  command: string,
  host: string,
  deps: CredentialDeps,
): Promise<{ output: string; failed: boolean }> {
  const env = { ...deps.env, PATH: pathWithout(deps.env['PATH'] ?? '', deps.cwd) };
  return new Promise((done, reject) => {
    const child = spawn(command, ['get'], {
      env,
      cwd: homedir(),
      shell: false,
      timeout: HELPER_TIMEOUT_MS,
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    let output = '';
    child.stdout
      .setEncoding('utf8')
      .on('data', (text: string) => (output = (output + text).slice(0, LIMITS.configBytes)));
    child.once('error', (cause) =>
      reject(new WeighmarkError('config-invalid', `${command} cannot be run`, { subject: host, cause })),
    );
    child.once('close', (code) => done({ output, failed: code !== 0 }));
    child.stdin.on('error', () => {}).end(`${host}\n`);
  });
}

/** Absolute folders other than the working folder and what is below it. */
export function pathWithout(path: string, cwd: string): string {
  const here = resolve(cwd);
  return path
    .split(delimiter)
    .filter((folder) => folder.startsWith('/') && resolve(folder) !== here && !resolve(folder).startsWith(`${here}/`))
    .join(delimiter);
}
