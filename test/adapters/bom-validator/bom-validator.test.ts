import { requireLinear } from '../../work.ts';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBomValidator } from '../../../src/adapters/bom-validator/index.ts';
import { compileSchema } from '../../../src/adapters/bom-validator/json-schema.ts';

function bomOf(
  count: number,
  change: (component: Record<string, unknown>, index: number) => object = (same) => same,
): string {
  const components = Array.from({ length: count }, (_, index) =>
    change({ type: 'library', name: `lib${index}`, 'bom-ref': `c${index}` }, index),
  );
  return JSON.stringify({ bomFormat: 'CycloneDX', specVersion: '1.6', version: 1, components });
}

test('twice the components are twice the work', async () => {
  const validate = await compileSchema('1.6');
  await requireLinear(1000, (size) => {
    const text = bomOf(size);
    return () => assert.deepEqual(validate(text), []);
  });
});

test('items that are equal but for the order of their members are not unique', async () => {
  const validate = await compileSchema('1.6');
  const twice = bomOf(2, (_, index) => (index === 0 ? { type: 'library', name: 'a' } : { name: 'a', type: 'library' }));
  assert.deepEqual(
    validate(twice).map(({ instancePath, keyword }) => [instancePath, keyword]),
    [['/components', 'uniqueItems']],
  );
  assert.deepEqual(
    validate(bomOf(2, (component, index) => ({ ...component, name: 'a', version: index === 0 ? '1' : '' }))),
    [],
  );
});

test('a long text is checked in a thread: with the same answer, and until a signal says stop', async () => {
  const long = bomOf(20_000, (component, index) => (index === 19_999 ? { ...component, type: 'nothing' } : component));
  const [problem] = await createBomValidator().validate(long, '1.6');
  assert.equal(problem?.pointer, '/components/19999/type');
  const stop = new AbortController();
  const asked = createBomValidator(stop.signal).validate(long, '1.6');
  stop.abort(new Error('enough'));
  await assert.rejects(asked, { message: 'enough' });
});
