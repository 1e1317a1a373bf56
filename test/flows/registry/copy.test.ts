import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { createStagings } from '../../../src/adapters/staging.ts';
import { parsePolicy } from '../../../src/domain/policy/parse.ts';
import { findingsOf } from '../../../src/domain/base/verdict.ts';
import { copy } from '../../../src/flows/registry/copy.ts';
import { revoke } from '../../../src/flows/gate/revoke.ts';
import { PREDICATES } from '../../../src/domain/claims/predicates.ts';
import { ociDigest } from '../../../src/domain/digest/hex.ts';
import { bundleFor } from '../../domain/policy/world.ts';
import { bare, gateWorld, policyText, promoteAs, publishStory, signerOf } from '../gate-world.ts';

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

test('a copy leaves no claim behind that is logged: what was taken out might say no, and there nobody would miss it', async () => {
  const [source, target] = [await gateWorld(), await gateWorld()];
  const copied = () =>
    copy(
      { place: { name: 'acme/enc', reference: '1.0' }, scratch: join(target.folder, 'copying') },
      { stagings: createStagings(), progress: target.ports.progress },
      { source: source.registry, target: target.registry },
    );
  try {
    const { model, dataset } = await publishStory(source);
    const about = (by: 'erin' | 'dana', id: string) =>
      bundleFor({
        by,
        type: PREDICATES.evaluation,
        about: bare(id),
        predicate: { result: 'FAILED', configuration: [] },
      });
    const log = (name: string, id: string, bundle: Uint8Array) =>
      source.registry.log.append([{ v: 1, kind: 'claim', name, manifest: id, bundle: ociDigest(bundle) }]);
    const own = about('erin', model);
    await log('acme/enc', model, own);
    await assert.rejects(copied(), { code: 'claim-missing', message: /log entry \d+ is a claim/ });
    await source.registry.putClaim('acme/enc', model, own);
    assert.equal((await copied()).copied.length, 2);
    const ancestors = about('dana', dataset);
    await log('acme/data', dataset, ancestors);
    await assert.rejects(copied(), { code: 'claim-missing' });
    const later = await source.publish('acme/data:2', { 'rows.csv': 'a,b\n3,4\n' }, () => []);
    await source.registry.putClaim('acme/data', later, ancestors);
    assert.equal((await copied()).copied.length, 2, 'it came along with another version');
    await log('acme/other', model, about('dana', model));
    assert.equal((await copied()).copied.length, 2, 'of another name');
  } finally {
    await Promise.all([source.close(), target.close()]);
  }
});
