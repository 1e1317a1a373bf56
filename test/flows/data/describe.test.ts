import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createHasher } from '../../../src/adapters/hasher/index.ts';
import { findingsOf } from '../../../src/domain/base/verdict.ts';
import { checkDescription, describeDataset } from '../../../src/flows/data/describe.ts';
import { dataWorld } from './data-world.ts';

const world = dataWorld();
const ports = { ...world.ports, hasher: () => createHasher(), records: async () => world.ports.records };
const root = join(world.folder, 'set');
mkdirSync(join(root, 'more'), { recursive: true });
writeFileSync(join(root, 'rows.jsonl'), '{"id":1,"text":"a","list":[1],"mixed":1}\n{"id":2,"mixed":"x"}\n');
writeFileSync(join(root, 'more', 'LICENSE'), 'do what you want\n');

interface Croissant {
  readonly conformsTo: string;
  readonly distribution: readonly {
    readonly contentUrl: string;
    readonly sha256: string;
    readonly contentSize: string;
  }[];
  readonly recordSet?: readonly { readonly field: readonly { readonly name: string; readonly dataType: string }[] }[];
}

const describe = async (version: '1.0' | '1.1'): Promise<Croissant> =>
  JSON.parse(await describeDataset({ root, version, described: { name: 'set' }, secret: null }, ports)) as Croissant;

const check = async (json: unknown) => {
  const description = join(world.folder, 'given.json');
  writeFileSync(description, JSON.stringify(json));
  const verdict = await checkDescription({ root, description, shown: 'set' }, ports);
  return [verdict.exitCode, ...findingsOf(verdict).map(({ code, subject }) => `${code} ${subject}`)];
};

test('a description has each file with its digest, and columns that Croissant has a word for once it is indexed', async () => {
  const plain = await describe('1.0');
  assert.deepEqual(
    plain.distribution.map(({ contentUrl, contentSize }) => [contentUrl, contentSize]),
    [
      ['more/LICENSE', '17 B'],
      ['rows.jsonl', '62 B'],
    ],
  );
  assert.equal(plain.recordSet, undefined);
  assert.deepEqual(await check(plain), [0]);
  await world.index(root);
  const indexed = await describe('1.1');
  assert.match(indexed.conformsTo, /croissant\/1\.1$/);
  const [records] = indexed.recordSet ?? [];
  assert.deepEqual(
    records?.field.map(({ name, dataType }) => `${name} ${dataType}`),
    ['records/id sc:Float', 'records/text sc:Text'],
  );
  writeFileSync(join(root, 'rows.jsonl'), '{"id":9}\n');
  await assert.rejects(describe('1.1'), { code: 'digest-mismatch' });
  assert.deepEqual(await check(indexed), [1, 'digest-mismatch rows.jsonl']);
});

test('a description by others: digests that are none are not checked, a file that is not there is missing, nothing checked is no pass', async () => {
  const { distribution } = await describe('1.1').catch(async () => {
    await world.index(root);
    return describe('1.1');
  });
  const [licence] = distribution;
  const file = (more: object): object => ({ '@type': 'sc:FileObject', ...more });
  assert.deepEqual(
    await check({ distribution: [file({ contentUrl: './more/LICENSE', sha256: licence?.sha256 })] }),
    [0],
  );
  assert.deepEqual(
    await check({
      distribution: [file({ name: 'gone', contentUrl: 'https://x.example/gone', sha256: licence?.sha256 })],
    }),
    [1, 'file-missing gone'],
  );
  assert.deepEqual(
    await check({ distribution: [file({ contentUrl: 'rows.jsonl', sha256: 'https://x.example' })] }),
    [3],
  );
  assert.deepEqual(await check({ distribution: 7 }), [3]);
  await assert.rejects(check([]), { code: 'format-invalid' });
});
