import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ofShort } from '../../src/cli/registry-options.ts';
import { parseAsked, parseReference, type ShortReference } from '../../src/domain/registry/reference.ts';
import type { Registry } from '../../src/domain/ports/registry.ts';
import { PROGRAM } from '../program.ts';

test('a digest of twelve digits finds what begins so, the whole id is printed; what is signed names the whole', () => {
  const folder = mkdtempSync(join(tmpdir(), 'weighmark-short-'));
  const env = { ...process.env, HOME: folder, XDG_CONFIG_HOME: join(folder, 'c'), XDG_STATE_HOME: join(folder, 's') };
  const weighmark = (line: string) =>
    spawnSync(process.execPath, [PROGRAM, ...line.split(' ')], { cwd: folder, env, encoding: 'utf8' });
  mkdirSync(join(folder, 'm'));
  writeFileSync(join(folder, 'm', 'w.bin'), 'weights');
  assert.equal(weighmark('registry init reg').status, 0);
  const id = weighmark('push m acme/m:1 --registry reg').stdout.trim().split('@')[1] ?? '';
  const short = id.slice(0, 'sha256:'.length + 12);
  for (const ref of [short, `acme/m@${short}`]) {
    const shown = weighmark(`show ${ref} --registry reg`);
    assert.equal(shown.status, 0, shown.stderr);
    assert.ok(shown.stdout.startsWith(`acme/m@${id}\n`), shown.stdout);
  }
  assert.equal(weighmark(`show other@${short} --registry reg`).status, 2);
  assert.equal(weighmark(`show ${short.slice(0, -1)} --registry reg`).status, 2);
  const attested = weighmark(`attest ${short} --type evaluation --result passed --key k --registry reg`);
  assert.equal(attested.status, 2);
});

test('a short digest is read where one only looks, and two that begin so are refused', async () => {
  const one = `sha256:${'a'.repeat(12)}${'1'.repeat(52)}`;
  const two = `sha256:${'a'.repeat(12)}${'2'.repeat(52)}`;
  const short = `sha256:${'a'.repeat(12)}`;
  assert.throws(() => parseReference(short), { code: 'name-invalid' });
  assert.throws(() => parseReference(`n@${short}`), { code: 'name-invalid' });
  assert.deepEqual(parseAsked(`n@${short}`), { kind: 'short', of: 'n', start: short });
  assert.equal(parseAsked(one).kind, 'digest');
  const registry = (...ids: readonly string[]) =>
    ({ list: async () => ids.map((id) => ({ name: 'n', id, tags: [] })) }) as unknown as Registry;
  const asked = parseAsked(short) as ShortReference;
  const found = await ofShort(asked, async () => registry(one, one), undefined);
  assert.deepEqual(found.place, { name: 'n', reference: one });
  await assert.rejects(
    ofShort(asked, async () => registry(one, two), undefined),
    { code: 'name-invalid' },
  );
  await assert.rejects(
    ofShort(asked, async () => registry(), undefined),
    { code: 'not-found' },
  );
});
