import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { BARE, PROGRAM } from '../program.ts';

/** A valid safetensors file of 2 MB. */
function weights(): Buffer {
  const bytes = 2 << 20;
  const header = Buffer.from(
    JSON.stringify({ w: { dtype: 'U8', shape: [bytes], data_offsets: [0, bytes] } }).padEnd(96),
  );
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(96n);
  return Buffer.concat([length, header, Buffer.alloc(bytes)]);
}

test('what seal hashed the hook believes: weights that stay as they are are not hashed again', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'weighmark-hook-cache-'));
  const run = (...args: readonly string[]) =>
    spawnSync(process.execPath, [PROGRAM, ...args], { cwd: folder, encoding: 'utf8', env: { ...BARE, HOME: folder } });
  spawnSync('git', ['init', '-q'], { cwd: folder });
  mkdirSync(join(folder, 'model'));
  writeFileSync(join(folder, 'model', 'w.safetensors'), weights());
  await sleep(2100); // younger files are not believed: they could change within their own timestamp
  assert.equal(run('keygen', 'k', '--no-password').status, 0);
  assert.equal(run('seal', 'model', '--name', 'acme/enc:1', '--key', 'k.key').status, 0);
  assert.deepEqual(JSON.parse(run('hook', 'model/w.safetensors', '--json').stdout).unchanged, 1);

  const cache = new DatabaseSync(join(folder, '.cache', 'weighmark', 'stat', 'digests.db'));
  const { changes } = cache.prepare('UPDATE file SET digests = ?').run(JSON.stringify({ blake3: '0'.repeat(64) }));
  cache.close();
  assert.equal(changes, 1);
  assert.match(
    run('hook', 'model/w.safetensors').stderr,
    /warning\[unsealed-change\]/,
    'the hook read the memory, not the file',
  );
  assert.equal(run('verify', 'model', '--key', 'k.pub').status, 0, 'a verdict never does');
});
