import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { createStagings } from '../../src/adapters/staging.ts';

async function staged(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'weighmark-staging-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const staging = await createStagings().open(join(folder, 'out'), 'key');
  t.after(() => staging.release());
  const parts = Array.from({ length: 20 }, (_, at) => ({ digest: `sha256:${at}`, path: `a/b/${at % 3}/${at}` }));
  for (const { digest } of parts) writeFileSync(staging.partOf(digest), digest);
  return { staging, parts, out: join(folder, 'out') };
}

test('files of one new folder may be settled at the same time', async (t) => {
  const { staging, parts, out } = await staged(t);
  await Promise.all(parts.map(async ({ digest, path }) => staging.settle(digest, path)));
  await staging.publish();
  for (const { digest, path } of parts) assert.equal(readFileSync(join(out, path), 'utf8'), digest);
});

test('many are settled at once as each by itself: read-only, below real folders', async (t) => {
  const { staging, parts, out } = await staged(t);
  await staging.settleAll(parts);
  await staging.publish();
  assert.deepEqual(readdirSync(join(out, 'a/b')), ['0', '1', '2']);
  for (const { digest, path } of parts) {
    assert.equal(readFileSync(join(out, path), 'utf8'), digest);
    assert.equal(statSync(join(out, path)).mode & 0o777, 0o444);
  }
});

test('a link in the way of one of many is not followed, and no path leaves the folder', async (t) => {
  const { staging, parts } = await staged(t);
  symlinkSync('/tmp', join(staging.root, 'a'));
  await assert.rejects(staging.settleAll(parts), { code: 'symlink-refused' });
  await assert.rejects(staging.settleAll([{ digest: 'sha256:1', path: '../x' }]), { code: 'name-unsafe' });
});
