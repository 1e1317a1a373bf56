import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { accountFor, nearestTo } from '../../../src/domain/weights/account.ts';
import { weightsRoots } from '../../../src/domain/weights/identity.ts';
import type { ListedWeights } from '../../../src/domain/weights/list.ts';

/** Any hash will do for roots: only equality counts here. */
const hash = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();

function set(tensors: Readonly<Record<string, string>>, name = 'model.safetensors'): ListedWeights {
  const listed = Object.entries(tensors).map(([tensor, content]) => ({
    name: tensor,
    dtype: 'F32',
    shape: [2, 2],
    digest: hash(Buffer.from(content)).toString('hex'),
  }));
  return { name, tensors: listed, ...weightsRoots(hash, listed) };
}

const SIGNED = { 'l.0.w': 'a', 'l.1.w': 'b', 'l.2.w': 'c', head: 'd' };

test('the same tensors: under the same names, under others, with a tied copy more or less', () => {
  assert.equal(accountFor(set(SIGNED), set(SIGNED)).by, 'names');
  assert.equal(accountFor(set({ 'b.0': 'a', 'b.1': 'b', 'b.2': 'c', o: 'd' }), set(SIGNED)).by, 'multiset');
  assert.equal(accountFor(set({ ...SIGNED, tied: 'a' }), set(SIGNED)).by, 'set');
  assert.equal(accountFor(set(SIGNED), set({ ...SIGNED, tied: 'a' })).by, 'set');
});

test('what was changed, is missing or is more is named, each once', () => {
  const of = (own: Readonly<Record<string, string>>) => {
    const { by, changed, missing, extra } = accountFor(set(own), set(SIGNED));
    return [by, changed, missing, extra];
  };
  assert.deepEqual(of({ ...SIGNED, 'l.1.w': 'x' }), [null, ['l.1.w'], [], []]);
  assert.deepEqual(of({ ...SIGNED, more: 'x' }), [null, [], [], ['more']]);
  assert.deepEqual(of({ 'l.0.w': 'a', 'l.1.w': 'b', head: 'd' }), [null, [], ['l.2.w'], []]);
  assert.deepEqual(of({ 'b.0': 'a', 'b.1': 'x', 'b.2': 'c', o: 'd' }), [null, [], ['l.1.w'], ['b.1']]);
});

test('two tensors that were swapped are both changed, below a prefix too', () => {
  const swapped = { ...SIGNED, 'l.0.w': 'b', 'l.1.w': 'a' };
  assert.deepEqual(accountFor(set(swapped), set(SIGNED)).changed, ['l.0.w', 'l.1.w']);
  const below = Object.fromEntries(Object.entries(swapped).map(([name, content]) => [`model.${name}`, content]));
  assert.deepEqual(accountFor(set(below), set(SIGNED)).changed, ['model.l.0.w', 'model.l.1.w']);
  assert.deepEqual(
    accountFor(set(swapped), set({ 'm.l.0.w': 'a', 'm.l.1.w': 'b', 'm.l.2.w': 'c', 'm.head': 'd' })).by,
    null,
  );
  const honest = Object.fromEntries(Object.entries(SIGNED).map(([name, content]) => [`module.${name}`, content]));
  assert.equal(accountFor(set(honest), set(SIGNED)).by, 'multiset');
});

test('of several sets the one that has most of the tensors is meant', () => {
  const own = set({ ...SIGNED, head: 'x' });
  const found = nearestTo(own, [set({ a: '1', b: '2' }, 'other'), set(SIGNED, 'own')]);
  assert.deepEqual([found?.other.name, found?.accounting.changed], ['own', ['head']]);
  assert.equal(nearestTo(own, []), null);
});

test('every tensor of both sides is accounted for, whatever was done to them', () => {
  const tensors = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd', 'e.f', 'x.e.f'), fc.constantFrom('1', '2', '3'), {
    minKeys: 1,
  });
  fc.assert(
    fc.property(tensors, tensors, (own, other) => {
      const [mine, theirs] = [set(own), set(other)];
      const { by, same, changed, extra, missing } = accountFor(mine, theirs);
      assert.equal(same + changed.length + extra.length, mine.tensors.length);
      assert.equal(by === null, changed.length + extra.length + missing.length > 0);
      if (by !== null) assert.equal(mine.set, theirs.set);
    }),
  );
});
