import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { forShell } from '../../src/domain/base/text.ts';
import { BARE, PROGRAM } from '../program.ts';

let folder = '';

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'weighmark-hints-'));
  chmodSync(folder, 0o755);
  mkdirSync(join(folder, 'm', 'sub dir'), { recursive: true });
  writeFileSync(join(folder, 'm', 'a.bin'), 'weights');
  writeFileSync(join(folder, 'm', 'sub dir', 'b.bin'), 'more');
  ok('keygen anna --no-password');
  ok('seal m --name acme/m:1 --key anna.key');
});
after(() => rmSync(folder, { recursive: true, force: true }));

interface From {
  readonly cwd?: string;
  readonly uid?: number;
  readonly env?: Readonly<Record<string, string>>;
}

function run(words: readonly string[], { cwd = '.', uid, env = {} }: From = {}) {
  return spawnSync(process.execPath, [PROGRAM, ...words], {
    cwd: join(folder, cwd),
    encoding: 'utf8',
    env: { ...BARE, HOME: folder, ...env },
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
}

function ok(line: string, from: From = {}): string {
  const { status, stdout, stderr } = run(line.split(' '), from);
  assert.equal(status, 0, `${line}\n${stderr}`);
  return stdout;
}

test('verify of a file of a sealed folder names the command that verifies it, which then does', () => {
  for (const { words, cwd, hint } of [
    { words: ['m/a.bin'], cwd: '.', hint: 'weighmark verify m --only a.bin' },
    { words: ['m/sub dir/b.bin'], cwd: '.', hint: "weighmark verify m --only 'sub dir/b.bin'" },
    { words: ['b.bin'], cwd: 'm/sub dir', hint: `weighmark verify ${join(folder, 'm')} --only 'sub dir/b.bin'` },
    { words: ['a.bin'], cwd: 'm', hint: 'weighmark verify . --only a.bin' },
  ]) {
    const { status, stdout } = run(['verify', ...words, '--key', join(folder, 'anna.pub')], { cwd });
    assert.equal(status, 3, 'nobody signed the file itself');
    assert.ok(stdout.includes(`\`${hint}\``), stdout);
    const again = spawnSync('sh', ['-c', `"$NODE" "$PROGRAM" ${hint.slice('weighmark '.length)} --key "$KEY"`], {
      cwd: join(folder, cwd),
      encoding: 'utf8',
      env: { ...BARE, HOME: folder, NODE: process.execPath, PROGRAM, KEY: join(folder, 'anna.pub') },
    });
    assert.match(again.stdout, /^VERIFIED \(partial\)/m, again.stderr);
  }
  writeFileSync(join(folder, 'alone.bin'), 'weights');
  assert.match(run(['verify', 'alone.bin']).stdout, /hint: safe to load\? `weighmark scan alone.bin`/);
});

test(
  'a folder that cannot be written: seal and sign say so before they read it, with the way out',
  { skip: cannotRefuse() },
  () => {
    const [locked, key] = ['locked', 'open.key'];
    mkdirSync(join(folder, locked));
    writeFileSync(join(folder, locked, 'w.bin'), 'weights');
    chmodSync(join(folder, locked), 0o555);
    ok('keygen open --no-password');
    chmodSync(join(folder, key), 0o644);
    const other = process.getuid?.() === 0 ? { uid: 65_534 } : {};
    if ('uid' in other && tmpdir() !== '/tmp') chmodSync(tmpdir(), 0o711);
    for (const [command, wayOut] of [
      ['seal', /hint: seal lays its files beside the content: .*`weighmark sign PATH --signature FILE`/],
      ['sign', /hint: write it elsewhere: `--signature FILE`/],
    ] as const) {
      const { status, stderr } = run([command, locked, '--key', key], other);
      assert.equal(status, 2, stderr);
      assert.match(stderr, /error\[write-refused\]: cannot write .*locked: permission denied/);
      assert.match(stderr, wayOut);
    }
    mkdirSync(join(folder, 'signatures'));
    chmodSync(join(folder, 'signatures'), 0o777);
    assert.equal(run(['sign', locked, '--signature', 'signatures/new/locked.sig', '--key', key], other).status, 0);
    ok('verify locked --signature signatures/new/locked.sig --key open.pub');
  },
);

/** Where this user may do everything and can become nobody else. */
function cannotRefuse(): boolean {
  if (process.getuid === undefined) return true;
  if (process.getuid() !== 0) return false;
  return spawnSync(process.execPath, [PROGRAM, '--version'], { env: BARE, uid: 65_534 }).status !== 0;
}

test('attest finds the key of the log where promote and push find it', () => {
  const elsewhere = { env: { HOME: join(folder, 'elsewhere'), WEIGHMARK_REGISTRY: 'reg' } };
  const made = ok('registry init reg');
  const key = /^log key +(\S+)/m.exec(made)?.[1] ?? '';
  ok('push m acme/m:1', { env: { WEIGHMARK_REGISTRY: 'reg' } });
  const words = 'attest acme/m:1 --type evaluation --result passed --key anna.key'.split(' ');
  const without = run(words, elsewhere);
  assert.notEqual(without.status, 0);
  assert.match(without.stderr, /error\[key-unusable\]/);
  const named = run(words, { env: { ...elsewhere.env, WEIGHMARK_LOG_KEY: key } });
  assert.equal(named.status, 0, named.stderr);
  const { stdout } = run(['log', 'show', 'acme/m:1', '--kind', 'claim', '--json'], elsewhere);
  assert.equal(
    (JSON.parse(stdout) as { entries: object[] }).entries.length,
    4,
    'signature, BOM, scan, and the evaluation',
  );
});

test('a word for a shell is quoted only where that is needed', () => {
  for (const plain of ['model', './a/b-1.0_x', 'acme/enc:1', '~/m', 'a=b']) assert.equal(forShell(plain), plain);
  for (const [text, quoted] of [
    ['a b', "'a b'"],
    ["it's", "'it'\\''s'"],
    ['$(id)', "'$(id)'"],
    ['-rf', "'-rf'"],
    ['', "''"],
    ['a\nb', "'a\\u{a}b'"],
  ] as const)
    assert.equal(forShell(text), quoted);
});

test('a key to trust that is not there leads to trust that is, and a variable that is set to nothing is not set', () => {
  const { status, stderr } = run(['verify', 'm', '--key', 'nokey.pub']);
  assert.equal(status, 4);
  assert.match(stderr, /error\[trust-unavailable\].*nokey\.pub does not exist/);
  assert.doesNotMatch(stderr, /trust update/);
  const empty = { WEIGHMARK_REGISTRY: '', WEIGHMARK_POLICY: '', WEIGHMARK_KEY: '', XDG_STATE_HOME: '' };
  const [unset, set] = [run(['list']), run(['list'], { env: empty })];
  assert.deepEqual([set.status, set.stderr], [unset.status, unset.stderr]);
});

test('what is not understood leads to the line that would be', () => {
  ok('registry init reg');
  ok('push m acme/m:1 --registry reg');
  for (const [line, hint] of [
    ['rollback acme/m:1 --env prod --policy p.yaml', 'weighmark rollback acme/m --env prod --to 1'],
    ['show 0123456789ab --registry reg', 'a digest is written `sha256:0123456789ab`'],
    ['show m --registry reg', 'weighmark push m NAME:TAG'],
    ['inspect /dev/stdin', 'save it to a file'],
    ['verify m --key anna.key', 'NAME.pub'],
    ['seal m --key anna.pub', 'NAME.key is the private one'],
    ['attest m --type evaluation --key anna.key', 'see `weighmark attest --help`'],
    ['keygen anna', 'give another name'],
    ['verify m --key anna.pub -o m', `name a file in it: \`-o ${join(folder, 'm', 'FILE')}\``],
    ['psuh', 'did you mean `push`?'],
    ['help nope', '`weighmark --help` lists them'],
    ['version', '`weighmark --version` prints it'],
    ['scan acme/m:1 --name acme/m:1', 'bring it: `weighmark pull acme/m:1 DIR`, then `weighmark scan DIR`'],
    ['registry init m', 'make the registry in a folder of its own'],
    ['sign begun.yaml --key anna.key', 'version is missing'],
  ] as const) {
    writeFileSync(join(folder, 'p.yaml'), POLICY());
    writeFileSync(join(folder, 'begun.yaml'), 'format: weighmark-policy/1\nname: p\n');
    const { status, stderr } = run(line.split(' '));
    assert.ok(status === 1 || status === 2, `${line}: ${status}`);
    assert.ok(stderr.includes(hint), `${line}\n${stderr}`);
  }
});

test('a registry is not made in a sealed folder, which would verify no more', () => {
  mkdirSync(join(folder, 'sealed'));
  writeFileSync(join(folder, 'sealed', 'w.bin'), 'weights');
  ok('seal sealed --key anna.key');
  const refuse = (): void => {
    const { status, stderr } = run(['registry', 'init', 'sealed']);
    assert.equal(status, 2, stderr);
    assert.match(stderr, /error\[already-exists\]: .*sealed is a sealed artifact/);
  };
  refuse();
  ok('verify sealed --key anna.pub');
  for (const sidecar of ['model.sig', 'claims.jsonl']) {
    rmSync(join(folder, 'sealed', sidecar));
    refuse();
  }
  rmSync(join(folder, 'sealed', '.weighmark'), { recursive: true });
  ok('registry init sealed');
});

test('what hints name can be pasted where names have blanks', () => {
  mkdirSync(join(folder, 'a model'));
  writeFileSync(join(folder, 'a model', 'w.csv'), 'a\n1\n');
  for (const [words, hint] of [
    [['verify', 'a model'], "weighmark scan 'a model'"],
    [['inspect', 'a model'], "weighmark verify 'a model'"],
    [['list', '--registry', 'no registry'], `weighmark registry init '${join(folder, 'no registry')}'`],
    [['dataset', 'prove', 'a model', '--position', '0'], `weighmark dataset index '${join(folder, 'a model')}'`],
    [['dataset', 'diff', 'a model', 'm'], `weighmark dataset index '${join(folder, 'a model')}'`],
  ] as const) {
    const { stdout, stderr } = run(words);
    assert.ok(`${stdout}${stderr}`.includes(`\`${hint}\``), `${words.join(' ')}\n${stdout}${stderr}`);
  }
});

test('what inspect says of a version in a registry leads to its bytes; --offline is what stands in the way of the network', () => {
  ok('registry init shelf');
  ok('push m acme/m:1 --registry shelf');
  const said = ok('inspect acme/m:1 --registry shelf');
  assert.ok(said.includes('`weighmark pull acme/m:1 DIR` and `weighmark scan DIR` whether'), said);
  ok('pull acme/m:1 out/fetched --registry shelf');
  ok('scan out/fetched');
  rmSync(join(folder, 'out'), { recursive: true, force: true });
  const { status, stderr } = run('verify oci://localhost:1/x:1 --key anna.pub --offline'.split(' '));
  assert.equal(status, 4);
  assert.match(stderr, /hint: leave out `--offline`/);
});

test('an empty registry has a log without a root, and names that it does not hold are told', () => {
  ok('registry init fresh');
  assert.match(ok('log show --registry fresh'), /^\S+: 0 entries$/m);
  assert.equal(run(['list', '--registry', 'fresh']).stderr, 'nothing in fresh\n');
  assert.equal(run(['list', 'acme/nope', '--registry', 'fresh']).stderr, 'nothing called acme/nope in fresh\n');
});

const POLICY = (more = ''): string => {
  const key = readFileSync(join(folder, 'anna.pub'), 'utf8').replaceAll(/-----[A-Z ]+-----|\s/g, '');
  return `format: weighmark-policy/1\nname: p\nversion: 1\nexpires: 2099-01-01\nprincipals: { anna: { keys: [${key}] } }
roles: { publisher: [anna], evaluator: [anna], promoter: [anna] }
environments: [{ name: staging, require: [evaluation] }, { name: prod, after: staging }]\n${more}`;
};

/** The commands and lines of a policy that a refusal prints, as they stand between back quotes. */
function quoted(text: string): readonly string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, words]) => words ?? '');
}

test('a model taken as it is: what the refusal prints, put into the policy and typed, lets it in', () => {
  mkdirSync(join(folder, 'n'));
  const header = Buffer.from('{"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}');
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  writeFileSync(join(folder, 'n', 'model.safetensors'), Buffer.concat([length, header, Buffer.from('x')]));
  ok('seal n --name acme/n:1 --key anna.key');
  ok('push n acme/n:1 --registry reg');
  writeFileSync(join(folder, 'q.yaml'), POLICY());
  const asked = '--policy q.yaml --registry reg --key anna.key';
  const refused = run(`promote acme/n:1 --env staging ${asked}`.split(' '));
  assert.equal(refused.status, 1, refused.stderr);
  const leaf = quoted(refused.stderr).find((words) => words.startsWith('leaves:')) ?? assert.fail(refused.stderr);
  writeFileSync(join(folder, 'q.yaml'), POLICY(leaf.replace('WHY', 'looked at').replace('DATE', '2099-01-01')));
  const attest =
    quoted(refused.stderr).find((words) => words.startsWith('weighmark attest')) ?? assert.fail(refused.stderr);
  assert.match(attest, /^weighmark attest acme\/n@sha256:[0-9a-f]{64} --type evaluation --result passed$/);
  ok(`${attest.slice('weighmark '.length)} --registry reg --key anna.key`);
  const before = run(`promote acme/n:1 --env prod ${asked}`.split(' '));
  const enter = quoted(before.stderr).find((words) => words.endsWith(' --env staging')) ?? assert.fail(before.stderr);
  ok(`${enter.slice('weighmark '.length)} ${asked}`);
  ok(`promote acme/n:1 --env prod ${asked}`);
  assert.match(ok(`lineage acme/n:1 --policy q.yaml --registry reg`), /^acme\/n sha256:[0-9a-f]{12} · BOM by anna$/m);
});

test('a digest in a policy of the wrong form is told in words', () => {
  writeFileSync(
    join(folder, 'r.yaml'),
    POLICY(`leaves: [{ sha256: "sha256:${'0'.repeat(64)}", role: base-model, reason: r, expires: 2099-01-01 }]`),
  );
  assert.match(run(['policy', 'lint', 'r.yaml']).stderr, /a whole SHA-256: 64 digits 0-9 and a-f, without `sha256:`/);
});

test('keygen prints the line that a policy takes', () => {
  const line = /^ {2}(bea: \{ keys: \[[^\]]+\] \})$/m.exec(ok('keygen bea --no-password'))?.[1] ?? assert.fail();
  writeFileSync(join(folder, 's.yaml'), POLICY().replace('principals: {', `principals: { ${line},`));
  ok('policy lint s.yaml');
});

test('init outside of a repository sees what lies there, and names commands for the folder it was given', () => {
  const { survey, next } = JSON.parse(ok('init . --yes --json')) as { survey: { sealed: string[] }; next: string[] };
  assert.ok(survey.sealed.includes('m'), survey.sealed.join());
  assert.ok(next.includes('weighmark verify ./m'), next.join());
  mkdirSync(join(folder, 'repo', 'weights'), { recursive: true });
  writeFileSync(join(folder, 'repo', 'weights', 'w.safetensors'), 'x');
  const elsewhere = JSON.parse(ok('init repo --yes --json')) as { survey: { models: string[] }; next: string[] };
  assert.deepEqual(elsewhere.survey.models, ['weights/w.safetensors']);
  assert.ok(elsewhere.next.includes('weighmark seal repo/weights --key weighmark.key'), elsewhere.next.join());
  assert.ok(elsewhere.next.includes('weighmark policy lint repo/policy.yaml'));
});
