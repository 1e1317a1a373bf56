import assert from 'node:assert/strict';
import { mkdir, readFile, rm, symlink, writeFile, cp } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import type { TrustAnchor, TrustEntry } from '../../../src/domain/claims/types.ts';
import { makeEntry } from '../../../src/domain/trust/entry.ts';
import { claimsWorld, needVectors, readJson, VECTORS, type ClaimsWorld } from '../../flows/claims-world.ts';

interface TreeItem {
  readonly path: string;
  readonly type: 'file' | 'symlink' | 'dir';
  readonly content_b64?: string;
  readonly target?: string;
}

interface Case {
  readonly id: string;
  readonly dir: string;
  readonly args: readonly string[];
  readonly tree: readonly TreeItem[];
  readonly recommended: 'accept' | 'reject';
  readonly why: string;
}

/** The words of `model_signing verify` and what they mean here. */
interface Asked {
  readonly model: string;
  readonly signature: string;
  readonly publicKeys: readonly string[];
  readonly chains: readonly string[];
  readonly identity: string | undefined;
  readonly issuer: string | undefined;
  readonly allowSymlinks: boolean;
  readonly ignoreUnsignedFiles: boolean;
}

function asked(args: readonly string[]): Asked {
  const after = (word: string) => args.flatMap((arg, at) => (arg === word ? [args[at + 1] ?? ''] : []));
  return {
    model: args[2] ?? '',
    signature: after('--signature')[0] ?? '',
    publicKeys: after('--public_key'),
    chains: after('--certificate_chain'),
    identity: after('--identity')[0],
    issuer: after('--identity_provider')[0],
    allowSymlinks: args.includes('--allow_symlinks'),
    ignoreUnsignedFiles: args.includes('--ignore_unsigned_files'),
  };
}

async function trustOf(words: Asked, cwd: string): Promise<readonly TrustEntry[]> {
  const read = (path: string) => readFile(join(cwd, path), 'utf8');
  const keys = await Promise.all(words.publicKeys.map(async (path) => entry({ kind: 'key', pem: await read(path) })));
  const pem = (await Promise.all(words.chains.map(read))).join('\n');
  const identity =
    words.identity === undefined || words.issuer === undefined
      ? []
      : [makeEntry({ name: 'command-line', identity: words.identity, issuer: words.issuer })];
  return [...keys, ...(pem === '' ? [] : [entry({ kind: 'certificate', pem })]), ...identity];
}

function entry(anchor: TrustAnchor): TrustEntry {
  return { name: 'command-line', anchor };
}

async function rebuild(world: ClaimsWorld, of: Case): Promise<string> {
  const folder = join(world.folder, of.id);
  await mkdir(join(folder, 'model'), { recursive: true });
  for (const { path, type, content_b64: content = '', target = '' } of of.tree) {
    const location = join(folder, 'model', path);
    await mkdir(dirname(location), { recursive: true });
    if (type === 'file') await writeFile(location, Buffer.from(content, 'base64'));
    else if (type === 'symlink') await symlink(target, location);
    else await mkdir(location, { recursive: true });
  }
  const { signature } = asked(of.args);
  await writeFile(join(folder, signature), await readFile(join(VECTORS, 'oms', of.dir, signature)));
  return folder;
}

test('every OMS vector gets its recommended verdict, 80 of 80', async (t) => {
  if (!needVectors(t)) return;
  const world = await claimsWorld(t);
  const { cases } = (await readJson(join(VECTORS, 'oms', 'manifest.json'))) as { cases: readonly Case[] };
  assert.equal(cases.length, 80);
  for (const each of cases) {
    await t.test(`${each.recommended} ${each.id}: ${each.why.slice(0, 100)}`, async () => {
      const words = asked(each.args);
      const folder = await rebuild(world, each);
      const trust = await trustOf(words, join(VECTORS, 'oms', each.dir));
      const more = {
        signature: join(folder, words.signature),
        allowSymlinks: words.allowSymlinks,
        ignoreUnsignedFiles: words.ignoreUnsignedFiles,
      };
      const { verdict } = await world.verify(join(folder, words.model), trust, more);
      assert.equal(
        verdict.exitCode === 0 ? 'accept' : 'reject',
        each.recommended,
        JSON.stringify(verdict.checks, null, 1),
      );
      await rm(folder, { recursive: true });
    });
  }
});

interface HistoricCase {
  readonly id: string;
  readonly args: readonly string[];
}

test('signatures by every released version of model_signing are read', async (t) => {
  if (!needVectors(t)) return;
  const world = await claimsWorld(t);
  const { cases } = (await readJson(join(VECTORS, 'oms-history', 'manifest.json'))) as {
    cases: readonly HistoricCase[];
  };
  await cp(join(VECTORS, 'oms-history'), join(world.folder, 'history'), { recursive: true });
  for (const { id, args } of cases) {
    await t.test(id, async () => {
      const words = asked(args);
      const cwd = join(world.folder, 'history');
      const more = { signature: join(cwd, words.signature) };
      const ignore = id.startsWith('v1.1') ? { ...more } : more;
      const accepted = await world.verify(
        join(cwd, words.model),
        await trustOf(words, join(VECTORS, 'oms-history')),
        ignore,
      );
      assert.equal(accepted.verdict.exitCode, 0, JSON.stringify(accepted.verdict.checks, null, 1));
      if (words.identity === undefined) return;
      for (const wrong of [
        { ...words, identity: 'stefan@us.ibm.com' },
        { ...words, issuer: 'https://accounts.google.com' },
      ]) {
        const refused = await world.verify(join(cwd, words.model), await trustOf(wrong, cwd), more);
        assert.equal(refused.verdict.exitCode, 1);
      }
    });
  }
});

test('the bundles of the OMS specification are read or refused as it says', async (t) => {
  if (!needVectors(t)) return;
  const world = await claimsWorld(t);
  const root = await world.tree('model', { 'signme-1': 'x', 'signme-2': 'y' });
  const folder = join(VECTORS, 'oms-spec', 'test-vectors', 'v1.0');
  const person = await world.person('anna');
  for (const name of ['empty', 'missing-envelope', 'missing-verification-material']) {
    const { verdict } = await world.verify(root, [person.trust], {
      signature: join(folder, 'invalid', `${name}.bundle.json`),
    });
    assert.deepEqual(
      verdict.checks.flatMap((check) => (check.passed ? [] : check.findings.map(({ code }) => code))),
      ['signature-malformed'],
      name,
    );
  }
});
