import { resolve } from 'node:path';
import { Option, type Command } from 'commander';
import type { AllowedFile } from '../../domain/trust/store.ts';
import type { CiIdentity, TrustEntry } from '../../domain/claims/types.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { makeEntry } from '../../domain/trust/entry.ts';
import { trustAdd, trustAllow, trustExport, trustRemove } from '../../flows/setup/trust.ts';
import type { Register, Report, Run } from '../command.ts';
import type { Context } from '../context.ts';
import { anchorFiles } from '../trust-options.ts';
import { entryJson, entryLines } from '../views/trust.ts';

interface AddOptions {
  readonly key?: string;
  readonly until?: string;
  readonly certificateChain?: string;
  readonly identity?: string;
  readonly identityRegexp?: string;
  readonly issuer?: string;
  readonly trustedRoot?: string;
  readonly github?: string;
  readonly gitlab?: string;
  readonly workflow?: string;
  readonly ref?: string;
  readonly environment?: string;
  readonly trigger?: string;
  readonly repositoryId?: string;
  readonly for?: string;
  readonly threshold?: string;
  readonly replace?: boolean;
}

/** `trust add|list|remove|allow|export|update|forget-time`: the user's own trust store. */
export const register: Register = (program, run) => {
  const trust = program.command('trust').description('whose signatures count: your trust store');
  addAdd(trust, run);
  trust
    .command('list')
    .description('show who is trusted')
    .action(run(async (context) => list(context)));
  trust.command('remove').description('take someone out').argument('<name>').action(run(remove));
  trust
    .command('allow')
    .description('let a project’s weighmark.yaml count, as it is now')
    .argument('[file]', 'the file', 'weighmark.yaml')
    .action(run(allow));
  trust
    .command('export')
    .description('print entries, for another machine’s WEIGHMARK_TRUST')
    .argument('[name...]')
    .action(run(exportEntries));
  trust
    .command('update')
    .description('refresh the public-good Sigstore root (TUF)')
    .option('--from <file>', 'a trusted_root.json brought along, where there is no network')
    .action(run(async (context, options: { readonly from?: string }) => update(context, options.from)));
  trust
    .command('forget-time')
    .description('forget the newest time that others vouched for: if one of them was wrong')
    .action(run(async (context) => forgetTime(context)));
};

function addAdd(trust: Command, run: Run): void {
  trust
    .command('add')
    .description('trust a key, a certificate authority or an identity')
    .argument('<name>', 'what to call them')
    .option('--key <pem>', 'their public key')
    .option('--until <time>', 'the key was retired then: only signatures with a timestamp from before count')
    .option('--certificate-chain <pem>', 'the roots their certificate is under')
    .option('--identity <name>', 'e-mail address, URI or certificate name, exactly')
    .option('--identity-regexp <re2>', 'identities this pattern matches as a whole')
    .option('--issuer <url>', 'the OIDC issuer that vouches for the identity')
    .addOption(
      new Option('--github <owner/repo>', 'workflows of this GitHub repository').conflicts([
        'gitlab',
        'key',
        'certificateChain',
      ]),
    )
    .addOption(
      new Option('--gitlab <group/project>', 'pipelines of this GitLab project').conflicts(['key', 'certificateChain']),
    )
    .option('--workflow <file>', 'only this workflow or pipeline file, of the caller')
    .option('--ref <ref>', 'only on this ref, such as refs/heads/main')
    .option('--environment <name>', 'only in this deployment environment')
    .option('--trigger <event>', 'only on this event; strangers’ pull requests never count unless named')
    .option('--repository-id <number>', 'the forge’s number of the repository: survives a rename')
    .option('--trusted-root <file>', 'trusted_root.json of a private Sigstore')
    .option('--for <glob>', 'artifact names this counts for, such as acme/*; policies are named policy/NAME')
    .option('--threshold <people>', 'for policies: so many of those trusted for the same one must have signed it')
    .option('--replace', 'put it in the place of the entry of this name')
    .action(run(add));
}

async function add(context: Context, name: string, options: AddOptions): Promise<Report> {
  const entry = await entryFrom(context, name, options);
  const store = await context.trustStore();
  await trustAdd({ entry, replace: options.replace === true }, { store });
  return {
    exitCode: 0,
    json: { entry: entryJson(entry), store: store.location },
    text: (style) => ({ out: `trusted     ${entryLines([entry], style)}kept in     ${style.plain(store.location)}\n` }),
  };
}

async function entryFrom(context: Context, name: string, options: AddOptions): Promise<TrustEntry> {
  const { github, gitlab, identity, identityRegexp, issuer } = options;
  refuseLoneWorkload(options);
  if (identityRegexp !== undefined) (await import('../../domain/base/pattern-engine.ts')).usePatterns();
  return makeEntry({
    name,
    for: options.for,
    threshold: options.threshold === undefined ? undefined : Number(options.threshold),
    identity,
    identityRegexp,
    issuer,
    ...(await anchorFiles(context, options)),
    until: options.until,
    github: github === undefined ? undefined : workload(github, options),
    gitlab: gitlab === undefined ? undefined : workload(gitlab, options),
  });
}

const WORKLOAD = ['workflow', 'ref', 'environment', 'trigger', 'repositoryId'] as const;

function refuseLoneWorkload(options: AddOptions): void {
  const lone = WORKLOAD.find((member) => options[member] !== undefined);
  if (lone !== undefined && options.github === undefined && options.gitlab === undefined)
    throw new WeighmarkError('usage', `--${lone} needs --github or --gitlab`);
}

function workload(repository: string, options: AddOptions): CiIdentity {
  const given = WORKLOAD.filter((member) => options[member] !== undefined).map((member) => [member, options[member]]);
  return { repository, ...(Object.fromEntries(given) as Partial<CiIdentity>) };
}

async function list(context: Context): Promise<Report> {
  const store = await context.trustStore();
  const { entries, allowed } = await store.read();
  return {
    exitCode: 0,
    json: { store: store.location, entries: entries.map(entryJson), allowed: allowed.map(allowedJson) },
    text: (style) => ({
      out:
        entryLines(entries, style) +
        allowed.map(({ path, sha256 }) => `allowed  ${style.plain(path)}  ${style.dim(`sha256:${sha256}`)}\n`).join(''),
      err:
        entries.length > 0
          ? ''
          : `nobody is trusted yet (${style.plain(store.location)})\nhint: \`weighmark trust add NAME --key FILE\`\n`,
    }),
  };
}

async function remove(context: Context, name: string): Promise<Report> {
  const store = await context.trustStore();
  await trustRemove(name, { store });
  return {
    exitCode: 0,
    json: { removed: name, store: store.location },
    text: (style) => ({ out: `${style.plain(name)} is no longer trusted\n` }),
  };
}

async function allow(context: Context, file: string): Promise<Report> {
  const allowed = await trustAllow(resolve(context.cwd, file), {
    store: await context.trustStore(),
    files: await context.files(),
  });
  return {
    exitCode: 0,
    json: { allowed: allowedJson(allowed) },
    text: (style) => ({
      out: [allowed, ...(allowed.names ?? [])]
        .map(({ path, sha256 }) => `allowed     ${style.plain(path)}\nas it is    sha256:${sha256}\n`)
        .join(''),
    }),
  };
}

function allowedJson({ path, sha256 }: AllowedFile): AllowedFile {
  return { path, sha256 };
}

async function exportEntries(context: Context, names: readonly string[]): Promise<Report> {
  const { entries, text } = await trustExport(names, { store: await context.trustStore() });
  return { exitCode: 0, json: { entries: entries.map(entryJson), text }, text: () => ({ out: text }) };
}

async function forgetTime(context: Context): Promise<Report> {
  const forgotten = await (await context.times()).forget();
  const said = forgotten ? 'forgotten   from now on times are learnt anew' : 'nothing     no time was remembered';
  return { exitCode: 0, json: { forgotten }, text: () => ({ out: `${said}\n` }) };
}

async function update(context: Context, from: string | undefined): Promise<Report> {
  const store = await context.trustStore();
  const result = await (from === undefined ? store.update() : store.updateFrom(resolve(context.cwd, from)));
  return {
    exitCode: 0,
    json: { ...result },
    text: (style) => ({
      out: `${result.changed ? 'refreshed' : 'unchanged'}   ${style.plain(result.location)}\n            sha256:${result.sha256}\n`,
    }),
  };
}
