import { SETTINGS_ABOUT } from '../../domain/trust/settings.ts';

/** Environment variables that weighmark reads; a test holds the table against the sources. */
export const ENVIRONMENT: Readonly<Record<string, string>> = {
  WEIGHMARK_REGISTRY: 'the registry, as `--registry`: a folder or `oci://host/repo`',
  WEIGHMARK_POLICY:
    'the policy, as `--policy`; where one is asked (`--env`) it judges as one named on the command line does',
  WEIGHMARK_TRUST: 'the trust store, instead of `weighmark/trust.yaml` in the configuration folder',
  WEIGHMARK_KEY: 'the private key to sign with, as `--key`',
  WEIGHMARK_PUBLIC_KEY: 'the public key of `exec:COMMAND`, as `--public-key`',
  WEIGHMARK_KEY_PASSWORD: 'the password of that key',
  WEIGHMARK_KEY_PASSWORD_FILE: 'a file with the password of that key; on CI better than the password itself',
  WEIGHMARK_LOG_KEY: "the private key of the registry's log, as `--log-key`",
  WEIGHMARK_STATE:
    'the folder of what is remembered: checkpoints, versions of policies, times; instead of `weighmark` under XDG_STATE_HOME',
  WEIGHMARK_OFFLINE: '`1`: never touch the network, as `--offline`',
  WEIGHMARK_KERNEL:
    'the hashing kernel, `native` or `wasm`; without it the native one where it was built (`weighmark --version -v` says)',
  WEIGHMARK_TOKEN_HOSTS: 'hosts, separated by commas, that a registry may send one to for a token',
  WEIGHMARK_WEBHOOK_SECRET: 'signs what `audit --webhook` sends: `weighmark-signature: sha256=HMAC`',
  WEIGHMARK_RECORDS_SECRET: 'the secret of keyed record digests (`dataset --secret`)',
  WEIGHMARK_DEBUG: '`1`: the trace of an unexpected error',
};

/** What others set and weighmark heeds. */
const FOREIGN: Readonly<Record<string, string>> = {
  'XDG_CONFIG_HOME, XDG_STATE_HOME, XDG_CACHE_HOME': 'where configuration, memory and caches lie',
  'NO_COLOR, FORCE_COLOR, TERM': 'colours',
  CI: 'on CI systems what is printed holds no commands of theirs',
  DOCKER_CONFIG: 'the folder of the logins to OCI registries',
  'HTTPS_PROXY, HTTP_PROXY, NO_PROXY':
    'the proxy for whatever uses the network, and what is reached without it; in small letters, too',
  SOURCE_DATE_EPOCH: 'the time in a BOM, for reproducible ones',
  GITHUB_STEP_SUMMARY: 'a file of `--format markdown=FILE` with this path is appended to',
};

/** `docs/configuration.md` is this, and a test holds it there. */
export function configurationMarkdown(): string {
  const rows = (entries: readonly (readonly [string, string])[]) =>
    entries.map(([name, about]) => `| \`${name}\` | ${about} |`);
  const settings = SETTINGS_ABOUT.map(
    ({ key, project, about }) => `| \`${key}\` | ${project ? 'user, project' : 'user'} | ${about} |`,
  );
  return [
    '# Configuration',
    '',
    '<!-- Generated from the code; `UPDATE=1 node --test test/cli/configuration.test.ts` writes it. -->',
    '',
    'An option on the command line wins over an environment variable, that over the project, that over the user. The user has',
    '`weighmark/config.yaml` under XDG_CONFIG_HOME (`~/.config`); a project has `weighmark.yaml`, the nearest from the working folder up to the',
    "repository's root. **A project's file counts only once you allowed it as it is**: `weighmark trust allow weighmark.yaml`; before that it can",
    'only make the hook stricter. Paths are relative to the file that names them. `weighmark init` writes one with comments.',
    '',
    '## Keys',
    '',
    '| key | where | says |',
    '|---|---|---|',
    ...settings,
    '',
    '## Environment variables',
    '',
    '| variable | says |',
    '|---|---|',
    ...rows(Object.entries(ENVIRONMENT)),
    '',
    'Set by others, and heeded:',
    '',
    '| variable | says |',
    '|---|---|',
    ...rows(Object.entries(FOREIGN)),
    '',
  ].join('\n');
}
