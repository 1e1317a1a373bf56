import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { createStagings } from '../../../src/adapters/staging.ts';
import { parsePolicy } from '../../../src/domain/policy/parse.ts';
import { findingsOf } from '../../../src/domain/base/verdict.ts';
import { copy } from '../../../src/flows/registry/copy.ts';
import { revoke } from '../../../src/flows/gate/revoke.ts';
import { gateWorld, policyText, promoteAs, publishStory, signerOf } from '../gate-world.ts';

test('a copy brings revocations along, and decisions about everything else in the target still find them', async () => {
  const [source, target] = [await gateWorld(), await gateWorld()];
  try {
    await publishStory(source, { files: { 'model.bin': 'one' }, tag: 'copied' });
    const { model } = await publishStory(target, { files: { 'model.bin': 'two' } });
    const ports = {
      clock: source.ports.clock,
      keyless: source.ports.keyless,
      registry: source.registry,
      signer: signerOf('rita'),
    };
    await revoke(
      {
        action: 'revoke',
        target: { kind: 'key', sha256: 'ab'.repeat(32), since: '2026-01-01T00:00:00.000Z' },
        reason: 'lost',
        artifact: null,
        policy: parsePolicy(policyText()),
      },
      ports,
    );
    const copied = await copy(
      { place: { name: 'acme/enc', reference: 'copied' }, scratch: join(target.folder, 'copying') },
      { stagings: createStagings(), progress: target.ports.progress },
      { source: source.registry, target: target.registry },
    );
    assert.equal(copied.revocations, 1);
    const promoted = await promoteAs(target, 'ci', 'staging');
    assert.deepEqual(findingsOf(promoted.verdict), []);
    assert.equal(promoted.id, model);
  } finally {
    await Promise.all([source.close(), target.close()]);
  }
});
