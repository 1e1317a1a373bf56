import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

/**
 * The public suites of signatures, where somebody has a checkout of one: `WEIGHMARK_SUITES=DIR`, with the folders
 * `sigstore-conformance` and `model-signing-conformance` as their repositories have them. Nothing of them is kept here.
 * The second runs by its own pytest: `WEIGHMARK_SUITES_PYTHON` is a Python that has what its requirements.txt names.
 */
const SUITES = process.env['WEIGHMARK_SUITES'];
const PYTHON = process.env['WEIGHMARK_SUITES_PYTHON'] ?? 'python3';
const BEACON = 'https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon';
const BEACON_IDENTITY = `${BEACON}/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main`;
const GITHUB = 'https://token.actions.githubusercontent.com';

function here(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

function absent(folder: string): string | false {
  return SUITES === undefined || !existsSync(folder) ? 'no checkout is given' : false;
}

const bundles = join(SUITES ?? '', 'sigstore-conformance/test/assets/bundle-verify');

/** The suite's own README says what a case's folder may hold, and what stands for what it does not. */
function argumentsOf(folder: string): string[] {
  const named = (name: string) => (existsSync(join(folder, name)) ? join(folder, name) : undefined);
  const text = (name: string, otherwise: string) => {
    const file = named(name);
    return file === undefined ? otherwise : readFileSync(file, 'utf8').trim();
  };
  const [key, root] = [named('key.pub'), named('trusted_root.json')];
  const identity = ['--certificate-identity', text('identity', BEACON_IDENTITY)];
  const signer =
    key === undefined ? [...identity, '--certificate-oidc-issuer', text('issuer', GITHUB)] : ['--key', key];
  const anchors = root === undefined ? [] : ['--trusted-root', root];
  return ['verify-bundle', '--bundle', join(folder, 'bundle.sigstore.json'), ...signer, ...anchors];
}

function subjectsOf(folder: string): string[] {
  const own = join(folder, 'artifact');
  const artifact = existsSync(own) ? own : join(bundles, 'a.txt');
  return [artifact, `sha256:${createHash('sha256').update(readFileSync(artifact)).digest('hex')}`];
}

function accepts(args: readonly string[]): boolean {
  return spawnSync(process.execPath, [here('verify-bundle.ts'), ...args]).status === 0;
}

test('sigstore-conformance: every bundle, by file and by digest', { skip: absent(bundles) }, () => {
  const cases = readdirSync(bundles, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  assert.ok(cases.length >= 70, `only ${cases.length} cases were found`);
  const wrong = cases.flatMap(({ name }) => {
    const folder = join(bundles, name);
    return subjectsOf(folder)
      .filter((subject) => accepts([...argumentsOf(folder), subject]) === name.endsWith('fail'))
      .map((subject) => `${name} (${subject})`);
  });
  assert.deepEqual(wrong, []);
});

const oms = join(SUITES ?? '', 'model-signing-conformance');

/** A token of any kind lets it run the keyless cases that only verify; those that sign need a live one. */
function runOms(what: string, env: Record<string, string>): string {
  const args = ['-m', 'pytest', what, '-q', '-p', 'no:cacheprovider', `--entrypoint=${here('oms-adapter')}`];
  const { status, stdout } = spawnSync(PYTHON, args, { cwd: oms, encoding: 'utf8', env: { ...process.env, ...env } });
  assert.equal(status, 0, stdout.slice(-4000));
  return stdout;
}

test('the OMS conformance suite: what verifies, keyless too, and what signs by key', { skip: absent(oms) }, () => {
  assert.match(runOms('test/test_verify.py', { SIGSTORE_ID_TOKEN: 'none' }), /\b4[3-9] passed/);
  assert.doesNotMatch(runOms('test/test_roundtrip.py', {}), /failed/);
});
