import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findingsOf } from '../../src/domain/base/verdict.ts';
import { parsePolicy } from '../../src/domain/policy/parse.ts';
import { ATTACHMENTS } from '../../src/domain/registry/referrer.ts';
import { checkEnvironment } from '../../src/flows/gate/environment.ts';
import type { GatePorts } from '../../src/flows/gate/gate.ts';
import { revoke } from '../../src/flows/gate/revoke.ts';
import {
  bare,
  breakGlassAs,
  inWorld,
  policyText,
  promoteAs,
  publishStory,
  signerOf,
  STAGES,
  type GateWorld,
} from '../flows/gate-world.ts';

/** Codes of the question "is it promoted to staging, under this policy, at this time?"; empty: yes. */
async function codes(
  world: GateWorld,
  id: string,
  text: Buffer | string,
  options: { at?: string; env?: string } = {},
): Promise<readonly string[]> {
  const ports: GatePorts =
    options.at === undefined ? world.ports : { ...world.ports, clock: { now: () => new Date(options.at ?? '') } };
  const policy = parsePolicy(Buffer.from(text));
  const question = { id, name: 'acme/enc', policy, environment: options.env ?? 'staging' };
  const { checks } = await checkEnvironment(question, world.registry, ports);
  return [...new Set(findingsOf({ checks }).map(({ code }) => code))].toSorted();
}

async function promoted(world: GateWorld, text = policyText()): Promise<string> {
  const { model } = await publishStory(world);
  const outcome = await promoteAs(world, 'ci', 'staging', { text });
  assert.deepEqual(findingsOf(outcome.verdict), []);
  return model;
}

const text = policyText().toString();
const OTHER = text.replace('require: [bom]', 'require: [evaluation]');

function accepting(policy: string, until: string, earlier = policyText()): string {
  return `${policy}accepts: [{ digest: "${parsePolicy(earlier).digest}", until: ${until} }]\n`;
}

test('what means the same is the same: comments, spelling of YAML, order of keys, version and expiry change nothing', () =>
  inWorld(async (world) => {
    const id = await promoted(world);
    for (const [what, same] of Object.entries({
      comment: `# reviewed by anna\n${text}`,
      quotes: text.replace('name: acme', 'name: "acme"'),
      order: text.replace('  evaluator: [erin]\n', '').replace('  publisher:', '  evaluator: [erin]\n  publisher:'),
      version: text.replace('version: 1', 'version: 2'),
      expiry: text.replace('2030-01-01', '2031-01-01'),
    })) {
      assert.notEqual(same, text, what);
      assert.deepEqual(await codes(world, id, same), [], what);
    }
  }));

test('what demands anything else is another policy', () =>
  inWorld(async (world) => {
    const id = await promoted(world);
    for (const [what, other] of Object.entries({
      requirement: OTHER,
      role: text.replace('approver: [bob, carol]', 'approver: [bob]'),
      environment: text.replace('approvals: 1', 'approvals: 2'),
      age: text.replace('  - name: staging\n', '  - name: staging\n    maxAge: 90d\n'),
      leaf: `${text}leaves: [{ sha256: ${'a'.repeat(64)}, role: dataset, reason: public, expires: 2029-01-01 }]\n`,
      former: `${text}formerly: []\n`,
      name: text.replace('name: acme', 'name: acme2'),
    })) {
      assert.notEqual(other, text, what);
      const found = await codes(world, id, other);
      assert.ok(found.includes('policy-mismatch'), `${what}: ${found.join()}`);
    }
  }));

test('bytes that are not those the promotion names, or are not kept, mean nothing', () =>
  inWorld(async (world) => {
    const id = await promoted(world, Buffer.from(OTHER.replace('[evaluation]', '[bom, evaluation]')));
    assert.deepEqual(await codes(world, id, text), ['policy-mismatch']);
    for (const lie of [text, `# the same as yours\n${text}`])
      await world.registry.putAttachment('acme/enc', id, ATTACHMENTS.policy, Buffer.from(lie));
    assert.deepEqual(await codes(world, id, `# mine\n${text}`), ['policy-mismatch']);
    const registry = Object.assign(Object.create(world.registry) as typeof world.registry, {
      attachments: async () => [],
    });
    const honest = await promoteAs(world, 'ci', 'staging');
    assert.deepEqual(findingsOf(honest.verdict), []);
    assert.deepEqual(await codes(world, id, `# mine\n${text}`), []);
    assert.deepEqual(await codes({ ...world, registry }, id, `# mine\n${text}`), ['policy-mismatch']);
  }));

test('only the policy in force lets an earlier one count, and for thirty days at most', () =>
  inWorld(async (world) => {
    const id = await promoted(world);
    assert.deepEqual(await codes(world, id, OTHER), ['policy-mismatch']);
    assert.deepEqual(await codes(world, id, accepting(OTHER, '2026-12-01')), []);
    assert.deepEqual(await codes(world, id, accepting(OTHER, '2026-12-01'), { at: '2026-12-01T00:00:00Z' }), [
      'policy-mismatch',
    ]);
    assert.deepEqual(await codes(world, id, accepting(OTHER, '2026-12-20T12:00:00Z')), []);
    assert.deepEqual(await codes(world, id, accepting(OTHER, '2026-12-20T12:00:01Z')), ['policy-mismatch']);
    assert.deepEqual(await codes(world, id, accepting(OTHER, '2026-12-01', Buffer.from(`# other\n${text}`))), [
      'policy-mismatch',
    ]);
  }));

test('a grace opens no further environment, breaks no glass, and the next policy does not inherit it', () =>
  inWorld(async (world) => {
    const id = await promoted(world);
    const next = accepting(text.replace('approvals: 1', 'approvals: { count: 1 }'), '2026-12-01');
    assert.deepEqual(await codes(world, id, next), []);
    const prod = await promoteAs(world, 'ci', 'prod', { text: Buffer.from(next) });
    assert.deepEqual(
      findingsOf(prod.verdict).map(({ code }) => code),
      ['policy-mismatch'],
    );
    const again = await promoteAs(world, 'ci', 'staging', { text: Buffer.from(next) });
    assert.deepEqual(findingsOf(again.verdict), []);
    const without = text.replace('approvals: 1', 'approvals: { count: 1 }');
    assert.deepEqual(await codes(world, id, without), [], 'what is accepted is no part of what is demanded');
    assert.deepEqual(await codes(world, id, text), ['policy-mismatch']);
  }));

test('a grace is never for who says no: revocations and lost promoters count as the policy in force says', () =>
  inWorld(async (world) => {
    const id = await promoted(world);
    const next = accepting(OTHER, '2026-12-01');
    const gone = next
      .replace('promoter: [ci]', 'promoter: [carol]')
      .replace('approver: [bob, carol]', 'approver: [bob]');
    assert.deepEqual(
      await codes(world, id, gone),
      ['not-promoted'],
      'who may not promote any more has promoted nothing',
    );
    await revoke(
      {
        action: 'revoke',
        target: { kind: 'artifact', sha256: bare(id) },
        artifact: { name: 'acme/enc', id },
        reason: 'poisoned',
        policy: parsePolicy(policyText()),
      },
      { ...world.ports, registry: world.registry, signer: signerOf('rita') },
    );
    assert.deepEqual(await codes(world, id, next), ['revoked']);
    const deaf = next.replace('revoker: [rita, rob]', 'revoker: [rob]');
    const found = await codes(world, id, deaf);
    assert.ok(found.includes('revocation-orphaned'), `a revoker who left is not outlived by a grace: ${found.join()}`);
  }));

test('broken glass is bound to the bytes', () =>
  inWorld(async (world) => {
    await publishStory(world, { without: 'evaluation' });
    const lenient = policyText(STAGES.replace('require: [bom]', 'require: [bom, evaluation]'));
    const outcome = await breakGlassAs(world, 'glen', 'staging', { text: lenient, breakGlass: 'on call' });
    assert.notEqual(outcome.promoted, null, JSON.stringify(findingsOf(outcome.verdict)));
    const found = await codes(world, outcome.id, `# comment\n${lenient.toString()}`);
    assert.ok(found.includes('policy-mismatch'), found.join());
    const accepted = await codes(world, outcome.id, accepting(text, '2026-12-01', lenient));
    assert.ok(accepted.includes('policy-mismatch'), accepted.join());
  }));
