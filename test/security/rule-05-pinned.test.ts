import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { keyLine } from '../public-key.ts';
import { BARE, PROGRAM } from '../program.ts';

/** A repository whose configuration names a policy beside it, which the user has read and allowed. */
function allowed(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'weighmark-pinned-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const at = (path: string) => join(folder, 'clone', path);
  for (const path of ['home', 'clone/.git', 'clone/ci', 'clone/model'])
    mkdirSync(join(folder, path), { recursive: true });
  const run = (...words: string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, ...words], {
      cwd: join(folder, 'clone'),
      encoding: 'utf8',
      env: { ...BARE, HOME: join(folder, 'home') },
    });
    return { status, output: stdout + stderr };
  };
  assert.equal(run('keygen', '../anna', '--no-password').status, 0);
  writeFileSync(at('model/config.json'), '{}');
  assert.equal(run('seal', 'model', '--name', 'acme/m:1', '--key', '../anna.key').status, 0);
  const key = keyLine(readFileSync(join(folder, 'anna.pub'), 'utf8'));
  writeFileSync(
    at('ci/policy.yaml'),
    `format: weighmark-policy/1\nname: ours\nversion: 1\nexpires: 2099-01-01\nprincipals: { anna: { keys: [${key}] } }\nroles: { trainer: [anna], promoter: [anna] }\nenvironments:\n  - name: prod\n    require: [bom]\n`,
  );
  assert.equal(run('registry', 'init', '../reg', '--origin', 'l.example').status, 0);
  writeFileSync(at('weighmark.yaml'), 'policy: ci/policy.yaml\nregistry: ../reg\n');
  const { status, output } = run('trust', 'allow');
  assert.equal(status, 0, output);
  assert.match(output, /allowed .*ci\/policy\.yaml\nas it is/);
  return { at, run, ask: () => run('verify', 'model', '--env', 'prod').output };
}

const REFUSED =
  /error\[config-not-allowed\]: no policy is named: .*weighmark\.yaml is not allowed, or it or a file it names changed/;

test('what is allowed is pinned with every file it names', (t) => {
  const { at, run, ask } = allowed(t);
  assert.match(ask(), /error\[not-promoted\]/, 'the policy counts');
  const good = readFileSync(at('ci/policy.yaml'), 'utf8');
  for (const spoil of [
    () => writeFileSync(at('ci/policy.yaml'), good.replace('require: [bom]', 'require: []')),
    () => writeFileSync(at('ci/policy.yaml'), `${good}#\n`),
    () => rmSync(at('ci/policy.yaml')),
    () => {
      writeFileSync(at('other.yaml'), `${good}# theirs\n`);
      rmSync(at('ci/policy.yaml'));
      symlinkSync('../other.yaml', at('ci/policy.yaml'));
    },
    () => {
      renameSync(at('ci'), at('gone'));
      mkdirSync(at('ci'));
      writeFileSync(at('ci/policy.yaml'), `${good}# theirs\n`);
    },
  ]) {
    rmSync(at('ci/policy.yaml'), { force: true });
    writeFileSync(at('ci/policy.yaml'), good);
    spoil();
    assert.match(ask(), REFUSED, spoil.toString());
  }
  assert.equal(run('trust', 'allow').status, 0);
  assert.doesNotMatch(ask(), REFUSED, 'allowed again, after it was read');
});

test('a permission from before files were pinned is none where a file is named', (t) => {
  const { at, ask } = allowed(t);
  const store = at('../home/.config/weighmark/trust.yaml');
  const text = readFileSync(store, 'utf8');
  assert.match(text, /names:/);
  writeFileSync(store, text.replace(/\n +names:[^]*$/, '\n'), { mode: 0o600 });
  assert.match(ask(), REFUSED);
});
