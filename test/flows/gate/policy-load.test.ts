import assert from 'node:assert/strict';
import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { createFiles } from '../../../src/adapters/files/index.ts';
import { createUserVerifier } from '../../../src/adapters/sigstore/index.ts';
import { createVersionMemory } from '../../../src/adapters/version-memory.ts';
import type { TrustEntry } from '../../../src/domain/claims/types.ts';
import { MAX_POLICY_VERSION } from '../../../src/domain/policy/schema.ts';
import { loadPolicy } from '../../../src/flows/gate/policy-load.ts';
import { claimsWorld, type Person } from '../claims-world.ts';
import { policyText } from '../gate-world.ts';

/** A policy in a folder of its own, and the way it is loaded. */
async function placed(t: TestContext) {
  const world = await claimsWorld(t);
  const folder = await world.tree('policies', { 'acme.yaml': policyText() });
  const path = join(folder, 'acme.yaml');
  const files = createFiles();
  const versions = createVersionMemory(files, join(world.folder, 'state'));
  const load = (trust: readonly TrustEntry[] = [], inside: readonly string[] = [], at = path) =>
    loadPolicy(
      { path: at, shown: 'acme.yaml', inside },
      {
        files,
        versions,
        verify: {
          files,
          hasher: async () => (await import('../../../src/adapters/hasher/index.ts')).createHasher(),
          progress: { start: () => ({ advance: () => {}, end: () => {} }) },
          clock: { now: () => new Date('2026-11-20T12:00:00Z') },
          trust: async () => Promise.resolve(trust),
          timestampAuthorities: async () => Promise.resolve([]),
          keyless: async () => Promise.resolve(createUserVerifier(files, { XDG_CONFIG_HOME: world.folder })),
        },
      },
    );
  const sign = (by: Person, name = 'sig') => world.sign(path, by, { signature: `${path}.${name}` });
  return { world, path, folder, load, sign };
}

const trusted = (person: Person, over: Partial<TrustEntry> = {}): TrustEntry => ({
  ...person.trust,
  for: 'policy/acme',
  ...over,
});

test('a policy counts unsigned for who trusts nobody for policies; else signed by those whom that trust names', async (t) => {
  const { world, load, sign } = await placed(t);
  const [anna, bert] = [await world.person('anna'), await world.person('bert')];
  assert.deepEqual([(await load()).signedBy, (await load([anna.trust])).signedBy], [null, null], 'not for policies');
  await assert.rejects(load([trusted(anna)]), { code: 'nothing-to-verify', message: 'nobody signed acme.yaml' });
  await assert.rejects(load([trusted(anna, { for: 'policy/other' })]), {
    code: 'signer-untrusted',
    hint: /--for policy\/acme/,
  });
  await sign(bert);
  await assert.rejects(load([trusted(anna)]), { code: 'signer-untrusted', message: /^acme\.yaml: / });
  assert.deepEqual((await load([trusted(anna), trusted(bert)])).signedBy, ['bert']);
  await assert.rejects(load([trusted(anna, { threshold: 2 }), trusted(bert)]), {
    code: 'policy-signatures',
    message: 'acme.yaml is signed by bert: 1 of the 2 people wanted',
  });
  await sign(anna, 'anna.oms.sig');
  const { signedBy } = await load([trusted(anna, { threshold: 2 }), trusted(bert)]);
  assert.deepEqual(signedBy?.toSorted(), ['anna', 'bert']);
  await assert.rejects(load([trusted(anna, { threshold: 3 }), trusted(bert)]), {
    code: 'trust-invalid',
    message: '3 people must sign the policy acme, and 2 are trusted for it',
  });
});

test('a signature of other bytes is refused with what is wrong; of very many none is looked at', async (t) => {
  const { world, path, load, sign } = await placed(t);
  const anna = await world.person('anna');
  await sign(anna);
  await writeFile(path, `# edited\n${policyText().toString()}`);
  await assert.rejects(load([trusted(anna)]), {
    code: 'digest-mismatch',
    message: /^acme\.yaml: .* is not the file that was signed/,
  });
  await writeFile(path, policyText());
  assert.deepEqual((await load([trusted(anna)])).signedBy, ['anna']);
  for (let at = 1; at < 100; at += 1) await copyFile(`${path}.sig`, `${path}.${at}.sig`);
  assert.deepEqual((await load([trusted(anna)])).signedBy, ['anna'], 'a hundred are looked at');
  await copyFile(`${path}.sig`, `${path}.100.sig`);
  await assert.rejects(load([trusted(anna)]), { code: 'claims-limit' });
});

test('a policy only goes forward, in its line: at its place, or by its name where it is signed', async (t) => {
  const { world, path, load, sign } = await placed(t);
  const anna = await world.person('anna');
  const version = (number: number) =>
    writeFile(path, policyText().toString().replace('version: 1', `version: ${number}`));
  await version(3);
  assert.equal((await load()).policy.version, 3);
  assert.equal((await load()).policy.version, 3, 'the same again');
  await version(2);
  await assert.rejects(load(), {
    code: 'policy-rollback',
    message: 'acme.yaml is version 2 of the policy acme; version 3 was here before',
    hint: /give the changed one version 4 or higher; if version 3 was a mistake, remove /,
  });
  await sign(anna);
  assert.equal((await load([trusted(anna)])).policy.version, 2, 'signed, it is another line');
  await version(MAX_POLICY_VERSION);
  await load();
  await version(2);
  await assert.rejects(load(), { code: 'policy-rollback', hint: /^no version is higher: if version / });
});

test('two projects may both call theirs acme; who signs it is told an old copy wherever it lies', async (t) => {
  const { world, path, load, sign } = await placed(t);
  const anna = await world.person('anna');
  const text = (version: number) => policyText().toString().replace('version: 1', `version: ${version}`);
  await writeFile(path, text(3));
  await load();
  const elsewhere = join(world.folder, 'elsewhere.yaml');
  await writeFile(elsewhere, text(2));
  assert.equal((await load([], [], elsewhere)).policy.version, 2);
  await sign(anna);
  await load([trusted(anna)]);
  await world.sign(elsewhere, anna, { signature: `${elsewhere}.sig` });
  await assert.rejects(load([trusted(anna)], [], elsewhere), { code: 'policy-rollback' });
});

test('a policy inside what it judges is nobody’s', async (t) => {
  const { folder, load } = await placed(t);
  await assert.rejects(load([], [folder]), { code: 'anchor-inside' });
});
