import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { PROGRAM } from '../program.ts';

const home = mkdtempSync(join(tmpdir(), 'weighmark-cases-'));
after(() => rmSync(home, { recursive: true, force: true }));

function weighmark(...args: string[]): { code: number | null; text: string } {
  const env = {
    ...process.env,
    XDG_CONFIG_HOME: join(home, 'config'),
    XDG_STATE_HOME: join(home, 'state'),
    XDG_CACHE_HOME: join(home, 'cache'),
  };
  const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, ...args], {
    cwd: home,
    env,
    encoding: 'utf8',
  });
  return { code: status, text: stdout + stderr };
}

before(() => {
  for (const name of ['vendor', 'company']) assert.equal(weighmark('keygen', name, '--no-password').code, 0);
  mkdirSync(join(home, 'model'));
  writeFileSync(join(home, 'model/model.bin'), 'weights');
  writeFileSync(join(home, 'model/README.md'), '# model\n');
  assert.equal(weighmark('seal', 'model', '--name', 'vendor/model:1', '--key', 'vendor.key').code, 0);
});

test('a FIFO or a link to a device in the place of a sidecar is refused at once', () => {
  for (const sidecar of ['model.sig', 'claims.jsonl', '.weighmark/files', '.weighmark/bom.cdx.json']) {
    const folder = join(home, 'fifo');
    cpSync(join(home, 'model'), folder, { recursive: true });
    rmSync(join(folder, sidecar));
    assert.equal(spawnSync('mkfifo', [join(folder, sidecar)]).status, 0);
    // Who opens it after all reads without end, where it would wait for ever.
    const writer = spawn('sh', ['-c', 'exec yes > "$0"', join(folder, sidecar)]);
    const { code, text } = weighmark('verify', 'fifo', '--key', 'vendor.pub');
    writer.kill();
    assert.equal(code, 1, text);
    assert.match(text, /special-file/);
    rmSync(folder, { recursive: true });
  }
});

test('a single file renamed together with its sidecars is judged by SHA-256, never compared with nothing', () => {
  writeFileSync(join(home, 'a.bin'), 'weights');
  assert.equal(weighmark('seal', 'a.bin', '--key', 'vendor.key').code, 0);
  for (const suffix of ['', '.sig', '.claims.jsonl', '.weighmark'])
    renameSync(join(home, `a.bin${suffix}`), join(home, `b.bin${suffix}`));
  const renamed = weighmark('verify', 'b.bin', '--key', 'vendor.pub');
  assert.ok(renamed.code === 1 && /b\.bin/.test(renamed.text), renamed.text);
  writeFileSync(join(home, 'b.bin'), 'Weights');
  assert.equal(weighmark('verify', 'b.bin', '--key', 'vendor.pub').code, 1);
});

test("sealing what another sealed leaves the other's seal good, and a changed sidecar is still refused", () => {
  cpSync(join(home, 'model'), join(home, 'both'), { recursive: true });
  assert.equal(weighmark('seal', 'both', '--name', 'company/model:1', '--key', 'company.key').code, 0);
  for (const who of ['vendor', 'company']) {
    const { code, text } = weighmark('verify', 'both', '--key', `${who}.pub`);
    assert.equal(code, 0, text);
  }
  const bom = join(home, 'both/.weighmark/bom.cdx.json');
  writeFileSync(bom, readFileSync(bom, 'utf8').replace('vendor', 'attack').replace('company', 'attackr'));
  for (const who of ['vendor', 'company']) assert.equal(weighmark('verify', 'both', '--key', `${who}.pub`).code, 1);
});

test('--to never writes into the artifact itself', () => {
  for (const inside of ['model', 'model/out', 'model/../model/out']) {
    assert.equal(weighmark('verify', 'model', '--key', 'vendor.pub', '--to', inside).code, 2);
  }
  assert.equal(existsSync(join(home, 'model/out')), false);
  assert.equal(weighmark('verify', 'model', '--key', 'vendor.pub').code, 0);
});

test('a file that its registry lost is undecided, and nothing else is said of it', () => {
  assert.equal(weighmark('registry', 'init', 'reg').code, 0);
  assert.equal(weighmark('push', 'model', 'vendor/model:1', '--registry', 'reg').code, 0);
  const key = /BEGIN PUBLIC KEY-----\n([\s\S]+?)-----END/
    .exec(readFileSync(join(home, 'vendor.pub'), 'utf8'))?.[1]
    ?.replaceAll('\n', '');
  writeFileSync(
    join(home, 'policy.yaml'),
    `format: weighmark-policy/1\nname: p\nversion: 1\nexpires: 2099-01-01\nprincipals:\n  v: { keys: [${key}] }\nroles:\n  publisher: [v]\n  promoter: [v]\nenvironments:\n  - name: prod\n    require: [bom]\n`,
  );
  const promote = [
    'promote',
    'vendor/model:1',
    '--env',
    'prod',
    '--policy',
    'policy.yaml',
    '--key',
    'vendor.key',
    '--registry',
    'reg',
  ];
  assert.equal(weighmark(...promote, '--dry-run').code, 0);
  const blob =
    spawnSync('sh', ['-c', 'grep -rlx weights reg/models'], { cwd: home, encoding: 'utf8' })
      .stdout.trim()
      .split('\n')[0] ?? '';
  assert.notEqual(blob, '');
  rmSync(join(home, blob));
  const { code, text } = weighmark(...promote);
  assert.equal(code, 4, text);
  assert.match(text, /unreadable/);
  assert.doesNotMatch(text, /digest-conflict/);
});

test("another's seal of the same content under the same name is not mine: sealing signs", () => {
  cpSync(join(home, 'model'), join(home, 'same'), { recursive: true });
  const first = weighmark('seal', 'same', '--name', 'vendor/model:1', '--key', 'company.key');
  assert.equal(first.code, 0);
  assert.doesNotMatch(first.text, /SEALED already/);
  assert.equal(weighmark('verify', 'same', '--key', 'company.pub').code, 0);
  assert.equal(weighmark('verify', 'same', '--key', 'vendor.pub').code, 0);
  assert.match(weighmark('seal', 'same', '--name', 'vendor/model:1', '--key', 'company.key').text, /SEALED already/);
});

test(
  'an answer that cannot be written is undecided, never a no and never a stack',
  { skip: existsSync('/dev/full') ? false : 'there is no /dev/full' },
  () => {
    const script = `"${process.execPath}" "${PROGRAM}" verify model --key vendor.pub > /dev/full`;
    const { status, stderr } = spawnSync('sh', ['-c', script], { cwd: home, encoding: 'utf8' });
    assert.equal(status, 4);
    assert.match(stderr, /^weighmark: error\[disk-full\]/);
    assert.doesNotMatch(stderr, /^ {4}at /m);
  },
);

test('`weighmark help` is help', () => {
  const { code, text } = weighmark('help');
  assert.equal(code, 0);
  assert.match(text, /^Usage: weighmark/);
});

test('under a policy nothing unknown lies in the sidecar folder, which nobody signs', () => {
  const key = /BEGIN PUBLIC KEY-----\n([\s\S]+?)-----END/
    .exec(readFileSync(join(home, 'vendor.pub'), 'utf8'))?.[1]
    ?.replaceAll('\n', '');
  writeFileSync(
    join(home, 'p.yaml'),
    `format: weighmark-policy/1\nname: p\nversion: 1\nexpires: 2099-01-01\nprincipals:\n  v: { keys: [${key}] }\nroles:\n  publisher: [v]\n  promoter: [v]\nenvironments:\n  - name: prod\n    require: [bom]\n`,
  );
  const beside = join(home, 'beside');
  const copy = (): void => {
    rmSync(beside, { recursive: true, force: true });
    cpSync(join(home, 'model'), beside, { recursive: true });
  };
  for (const stranger of [
    '.weighmark/evil.py',
    '.weighmark/claims.jsonl',
    '.weighmark/.git/evil.py',
    '.weighmark/outboards/evil.py',
  ]) {
    copy();
    mkdirSync(join(beside, stranger, '..'), { recursive: true });
    writeFileSync(join(beside, stranger), 'x');
    const { code, text } = weighmark('verify', 'beside', '--policy', 'p.yaml');
    assert.equal(code, 1, text);
    assert.match(text, /file-unsigned/);
  }
  copy();
  assert.doesNotMatch(weighmark('verify', 'beside', '--policy', 'p.yaml').text, /file-unsigned/);
});
