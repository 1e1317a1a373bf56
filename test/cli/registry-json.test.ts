import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { heldToSchema } from './schema.ts';
import { BARE, PROGRAM } from '../program.ts';

let folder = '';

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'weighmark-cli-registry-'));
  mkdirSync(join(folder, 'm'));
  writeFileSync(join(folder, 'm', 'config.json'), '{}');
  writeFileSync(join(folder, 'm', 'weights.bin'), 'w'.repeat(100));
  run(['keygen', 'anna', '--no-password']);
  run(['registry', 'init', 'reg']);
  run(['registry', 'init', 'stick']);
});
after(() => rmSync(folder, { recursive: true, force: true }));

function run(
  args: readonly string[],
  env: Record<string, string> = {},
): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
  const clean = { ...BARE, HOME: folder, WEIGHMARK_REGISTRY: 'reg', ...env };
  return spawnSync(process.execPath, [PROGRAM, ...args], { cwd: folder, encoding: 'utf8', env: clean });
}

/** Runs with --json and holds what is printed to its published schema. */
function json(name: string, args: readonly string[]): Record<string, unknown> {
  const { status, stdout, stderr } = run([...name.split(' '), ...args, '--json']);
  assert.equal(status, 0, stderr);
  return heldToSchema(name, stdout);
}

test('every registry command prints what its schema says', () => {
  assert.equal(run(['seal', 'm', '--key', 'anna.key', '--name', 'acme/m:1']).status, 0);
  json('registry init', ['reg']);
  const pushed = json('push', ['m']);
  assert.deepEqual([pushed['name'], pushed['tag'], pushed['unsigned']], ['acme/m', '1', false]);
  assert.deepEqual(json('push', ['m'])['log'], pushed['log'], 'a repeat changes nothing');
  assert.deepEqual(json('list', [])['artifacts'], [{ name: 'acme/m', id: pushed['id'], tags: ['1'] }]);
  const shown = json('show', ['acme/m:1']);
  assert.equal((shown['files'] as object[]).length, 2);
  json('pull', ['acme/m:1', 'out']);
  json('log show', []);
  json('log show', ['acme/m:1', '--kind', 'push', '--last', '1']);
  json('log verify', []);
  json('log integrate', []);
  writeFileSync(join(folder, 'entry.tlog-proof'), String(json('log prove', ['acme/m:1'])['proof']));
  json('log verify', ['entry.tlog-proof']);
  const copied = json('copy', ['acme/m:1', 'stick']);
  assert.equal((copied['copied'] as { id: string }[])[0]?.id, pushed['id']);
  json('registry gc', ['--dry-run']);
});

describe('the way there and back', () => {
  test('push, pull: every file and sidecar is the same, byte for byte, and verifies', () => {
    assert.equal(run(['push', 'm', 'acme/m:2']).status, 0);
    const { status, stdout } = run(['pull', 'acme/m:2', 'back']);
    assert.equal(status, 0);
    assert.match(stdout, /^acme\/m@sha256:[0-9a-f]{64}\n$/);
    for (const path of [
      'config.json',
      'weights.bin',
      'model.sig',
      'claims.jsonl',
      '.weighmark/files',
      '.weighmark/bom.cdx.json',
    ]) {
      assert.deepEqual(readFileSync(join(folder, 'back', path)), readFileSync(join(folder, 'm', path)), path);
    }
    assert.equal(run(['verify', 'back', '--key', 'anna.pub']).status, 0);
    assert.equal(statSync(join(folder, 'back', 'weights.bin')).mode & 0o222, 0);
  });

  test('by digest, by bare digest, through a stick: the same artifact', () => {
    const id = run(['push', 'm', 'acme/m:3']).stdout.trim();
    assert.equal(run(['pull', id, 'by-id']).status, 0);
    assert.equal(run(['pull', id.split('@')[1] ?? '', 'by-digest']).status, 0);
    assert.equal(run(['copy', 'acme/m:3', 'stick']).status, 0);
    assert.equal(run(['pull', 'acme/m:3', 'by-stick', '--registry', 'stick']).status, 0);
    for (const place of ['by-id', 'by-digest', 'by-stick'])
      assert.equal(run(['verify', place, '--key', 'anna.pub']).status, 0, place);
  });

  test('--only replaces what was changed, and nothing else', () => {
    run(['push', 'm', 'acme/m:4']);
    run(['pull', 'acme/m:4', 'partial']);
    rmSync(join(folder, 'partial', 'weights.bin'));
    writeFileSync(join(folder, 'partial', 'weights.bin'), 'broken');
    writeFileSync(join(folder, 'partial', 'mine.txt'), 'mine');
    assert.equal(run(['verify', 'partial', '--key', 'anna.pub']).status, 1);
    assert.equal(run(['pull', 'acme/m:4', 'partial', '--only', '*.bin']).status, 0);
    assert.equal(readFileSync(join(folder, 'partial', 'weights.bin'), 'utf8'), 'w'.repeat(100));
    assert.equal(readFileSync(join(folder, 'partial', 'mine.txt'), 'utf8'), 'mine');
    assert.equal(run(['pull', 'acme/m:4', 'partial', '--only', 'nothing*']).status, 2);
  });

  test('a folder with something in it is not written to', () => {
    const { status, stderr } = run(['pull', 'acme/m:1', 'm']);
    assert.equal(status, 2);
    assert.match(stderr, /already-exists/);
  });

  test('what its own signature contradicts is not pushed; the registry does not change', () => {
    mkdirSync(join(folder, 'changed'));
    run(['pull', 'acme/m:1', 'changed']);
    rmSync(join(folder, 'changed', 'weights.bin'));
    writeFileSync(join(folder, 'changed', 'weights.bin'), 'x'.repeat(100));
    const before = run(['log', 'show']).stdout;
    const { status, stderr } = run(['push', 'changed', 'acme/changed:1']);
    assert.equal(status, 1);
    assert.match(stderr, /digest-mismatch/);
    assert.equal(run(['log', 'show']).stdout, before);
    assert.doesNotMatch(run(['list']).stdout, /acme\/changed/);
  });

  test('unsigned is possible, and said', () => {
    mkdirSync(join(folder, 'unsigned'));
    writeFileSync(join(folder, 'unsigned', 'data.csv'), 'a,b\n');
    assert.equal(run(['push', 'unsigned']).status, 2, 'without a name');
    const { status, stderr } = run(['push', 'unsigned', 'acme/data:1']);
    assert.equal(status, 0);
    assert.match(stderr, /nobody signed it/);
  });

  test('twenty pushes at once: all listed, all logged, one history', async () => {
    const { spawn } = await import('node:child_process');
    run(['registry', 'init', 'busy']);
    const codes = await Promise.all(
      Array.from({ length: 20 }, async (_, at) => {
        mkdirSync(join(folder, `busy-${at}`));
        writeFileSync(join(folder, `busy-${at}`, 'w.bin'), `weights ${at}`);
        const child = spawn(
          process.execPath,
          [PROGRAM, 'push', `busy-${at}`, `acme/busy:${at}`, '--registry', 'busy'],
          { cwd: folder, env: { ...BARE, HOME: folder }, stdio: 'ignore' },
        );
        return new Promise<number | null>((done) => child.once('close', done));
      }),
    );
    assert.deepEqual(
      codes,
      Array.from({ length: 20 }, () => 0),
    );
    const listed = JSON.parse(run(['list', '--json', '--registry', 'busy']).stdout) as {
      artifacts: { tags: string[] }[];
    };
    assert.equal(listed.artifacts.flatMap(({ tags }) => tags).length, 20);
    const { status, stdout } = run(['log', 'verify', '--json', '--registry', 'busy']);
    assert.equal(status, 0);
    assert.equal((JSON.parse(stdout) as { size: number }).size, 20);
  });
});

test('log show says who is behind every entry, as far as it can be verified now', () => {
  const standings = (args: readonly string[]) =>
    new Set(
      (
        json('log show', ['acme/m:1', ...args])['entries'] as { actor: { standing: string; name: string | null } }[]
      ).map(({ actor }) => `${actor.standing} ${actor.name}`),
    );
  assert.deepEqual(standings([]), new Set(['unverified null']), 'nobody is trusted yet');
  const { stdout, stderr } = run(['log', 'show', 'acme/m:1']);
  assert.match(stdout, /^ +0 {2}push .* UNVERIFIED .*\[signer-untrusted\]$/m);
  assert.match(stderr, /actors are not verified/);
  assert.equal(run(['trust', 'add', 'anna', '--key', 'anna.pub']).status, 0);
  assert.deepEqual(standings([]), new Set(['verified anna']));
  assert.match(run(['log', 'show', 'acme/m:1']).stdout, /^ +0 {2}push .* by anna, key SHA256:[0-9a-f]{16}…$/m);
  assert.equal(run(['push', 'unsigned', 'acme/data:2']).status, 0);
  assert.match(run(['log', 'show', 'acme/data', '--kind', 'push']).stdout, /UNSIGNED$/m);
  assert.match(
    run(['log', 'show', 'acme/m:1', '--kind', 'claim']).stdout,
    / \d{4}-\d\d-\d\d \d\d:\d\d UTC claimed  by anna/,
  );
  assert.equal(run(['trust', 'remove', 'anna']).status, 0);
});

describe('list says who pushed what, and when', () => {
  type Listed = {
    artifacts: object[];
    pushes?: {
      id: string;
      index: number;
      actor: { name: string | null; time: string | null; claimedTime: string | null };
    }[];
  };
  const listed = (...args: string[]) => json('list', ['acme/m', ...args]) as unknown as Listed;

  test('under the trust store, with what the signer says of the time; never as if it were proven', () => {
    assert.match(run(['list', 'acme/m']).stdout, /UNVERIFIED \[signer-untrusted\]$/m);
    assert.match(run(['list', 'acme/m']).stderr, /actors are not verified; whom to trust/);
    assert.equal(run(['trust', 'add', 'anna', '--key', 'anna.pub']).status, 0);
    const { stdout, stderr } = run(['list', 'acme/m']);
    assert.match(stdout, /^acme\/m@sha256:[0-9a-f]{64}  .*\b1\b.*  \d{4}-\d\d-\d\d \d\d:\d\d UTC claimed  by anna$/m);
    assert.equal(stderr, '');
    const [push] = listed().pushes ?? [];
    assert.deepEqual([push?.actor.name, push?.actor.time], ['anna', null]);
    assert.match(push?.actor.claimedTime ?? '', /^\d{4}-/);
  });

  test('--short asks nobody', () => {
    const { artifacts, pushes } = listed('--short');
    assert.deepEqual([artifacts.length > 0, pushes], [true, undefined]);
    assert.match(run(['list', 'acme/m', '--short']).stdout, /^acme\/m@sha256:[0-9a-f]{64}  [\d ]+$/m);
    assert.equal(run(['trust', 'remove', 'anna']).status, 0);
  });

  test('a log that cannot be read hides nothing of what is there', () => {
    run(['registry', 'init', 'nolog']);
    run(['push', 'unsigned', 'acme/n:1', '--registry', 'nolog']);
    rmSync(join(folder, 'nolog', 'log', 'tile'), { recursive: true });
    const { status, stdout, stderr } = run(['list', '--registry', 'nolog']);
    assert.equal(status, 0);
    assert.match(stdout, /^acme\/n@sha256:[0-9a-f]{64}  1$/m);
    assert.match(stderr, /error\[log-invalid\]/);
  });
});

describe('when something is wrong', () => {
  test('no registry named, no such registry, no such artifact: what to do about it', () => {
    assert.match(run(['list'], { WEIGHMARK_REGISTRY: '' }).stderr, /registry init/);
    assert.match(run(['list', '--registry', 'nowhere']).stderr, /registry init nowhere|registry init/);
    const { status, stderr } = run(['pull', 'acme/none:1', 'x']);
    assert.equal(status, 2);
    assert.match(stderr, /not-found.*acme\/none:1/);
    assert.equal(run(['pull', './m', 'x']).status, 2);
    assert.equal(run(['pull', 'acme/m', 'x']).status, 2, 'no implicit latest');
  });

  test('a changed log is refused by log verify, with the tile', () => {
    run(['registry', 'init', 'tampered']);
    run(['push', 'unsigned', 'acme/t:1', '--registry', 'tampered']);
    const tile = join(folder, 'tampered', 'log', 'tile', 'entries', '000.p', '1');
    const bytes = readFileSync(tile);
    writeFileSync(tile, bytes.with(30, (bytes[30] ?? 0) ^ 1));
    const { status, stderr } = run(['log', 'verify', '--registry', 'tampered']);
    assert.equal(status, 1);
    assert.match(stderr, /log-invalid.*tile\/0\/000\.p\/1/);
  });

  test('a proof verifies for whoever has the key, without the registry; for nobody else', () => {
    const [vkey = ''] = (JSON.parse(run(['log', 'show', '--json']).stdout) as { vkeys: string[] }).vkeys;
    const stranger = { HOME: join(folder, 'stranger'), WEIGHMARK_REGISTRY: '' };
    run(['log', 'prove', '0', '-o', 'zero.tlog-proof']);
    assert.equal(run(['log', 'verify', 'zero.tlog-proof', '--log-vkey', vkey], stranger).status, 0);
    assert.equal(run(['log', 'verify', 'zero.tlog-proof'], stranger).status, 2);
    appendFileSync(join(folder, 'zero.tlog-proof'), 'x');
    assert.equal(run(['log', 'verify', 'zero.tlog-proof', '--log-vkey', vkey], stranger).status, 1);
  });

  test('a pull that fails leaves nothing with the name', () => {
    const blobs = join(folder, 'tampered', 'models', 'acme', 't', 'blobs', 'sha256');
    for (const name of readdirSync(blobs))
      if (statSync(join(blobs, name)).size === 4) writeFileSync(join(blobs, name), 'x,y\n');
    run(['registry', 'init', 'other']);
    assert.equal(run(['pull', 'acme/t:1', 'never', '--registry', 'tampered']).status, 1);
    assert.equal(existsSync(join(folder, 'never')), false);
  });
});
