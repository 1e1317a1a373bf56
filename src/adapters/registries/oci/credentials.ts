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

/**
 * Docker's rules: `credHelpers` of the exact host, else `credsStore`, else `auths` of the exact host.
 * https://docs.docker.com/reference/cli/docker/login/
 * @throws WeighmarkError `config-invalid` for a broken configuration or a helper of an unsafe name.
 */
export async function findCredentials(host: string, deps: CredentialDeps): Promise<Credentials | null> {
  const folder = deps.env['DOCKER_CONFIG'] ?? join(deps.env['HOME'] ?? homedir(), '.docker');
  const file = join(folder, 'config.json');
  const bytes = await createFiles().readIfThere(file, LIMITS.configBytes);
  if (bytes === null) return null;
  const config = parseStrictJsonObject(bytes, { code: 'config-invalid', subject: file, refuseCaseDuplicates: false });
  const helper = helperFor(config, host);
  return helper === null ? readAuths(config['auths'], host) : askHelper(helper, host, deps);
}

function helperFor(config: { readonly [key: string]: Json }, host: string): string | null {
  const { credHelpers, credsStore } = config;
  const own = isJsonObject(credHelpers) ? credHelpers[host] : undefined;
  if (typeof own === 'string' && own !== '') return own;
  return typeof credsStore === 'string' && credsStore !== '' ? credsStore : null;
}

/** Keys are hosts, or hosts as old Docker wrote them (`https://host/v1/`): nothing else matches. */
function readAuths(auths: Json | undefined, host: string): Credentials | null {
  if (!isJsonObject(auths)) return null;
  const spellings = [host, `https://${host}`, `https://${host}/v1/`, `https://${host}/v2/`];
  const entry = spellings.map((key) => auths[key]).find(isJsonObject);
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
