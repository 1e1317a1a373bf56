import { requireLinear } from '../../work.ts';
import assert from 'node:assert/strict';
import { link, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { createFiles } from '../../../src/adapters/files/index.ts';
import { createHasher } from '../../../src/adapters/hasher/index.ts';
import { loadAddon } from '../../../src/adapters/hasher/native.ts';
import { parseBundle } from '../../../src/domain/claims/bundle.ts';
import { formatDigestList, parseDigestList } from '../../../src/domain/digest/list.ts';
import { buildManifest, idsOf } from '../../../src/domain/digest/manifest.ts';
import type { Hasher } from '../../../src/domain/ports/hasher.ts';
import { bomCreate } from '../../../src/flows/bom/create.ts';
import { seal } from '../../../src/flows/sign/seal.ts';
import { claimsWorld, type ClaimsWorld } from '../claims-world.ts';

const JPEG = Buffer.from(
  'ffd8ffe000104a46494600010100000100010000ffc0001108001000200301220002110103110 1ffd9'.replaceAll(' ', ''),
  'hex',
);
const GIF = Buffer.from('474946383961100020000000003b', 'hex');
const WAV = Buffer.from(
  '524946462400000057415645666d7420100000000100020044ac000010b10200040010006461746100000000',
  'hex',
);

/** What a walk, a reader of formats or a writer of lists may trip over. */
async function oddTree(world: ClaimsWorld, name: string): Promise<string> {
  const root = await world.tree(name, {
    'a.jpeg': JPEG,
    'a/b.jpg': Buffer.concat([JPEG, Buffer.alloc(5000)]),
    'a/c.gif': GIF,
    'sound.wav': WAV,
    empty: '',
    'é/🐦/e\u0301': 'x',
    'back\\slash': 'y',
    'line\nbreak': 'z',
    '\u{10ffff}': '1',
    '\ue000': '2',
    'bytes.dat': Buffer.from([0xee, 0x01, 0x02, 0x03]),
    'broken.safetensors': 'no',
    'config.json': '{"model_type":"bert"}',
    'README.md': '# m\n',
    ...Object.fromEntries(
      Array.from({ length: 1100 }, (_, at) => [`many/${at}.JPEG`, Buffer.concat([JPEG, Buffer.from([at, at >> 8])])]),
    ),
  });
  await link(join(root, 'a.jpeg'), join(root, 'same.jpeg'));
  return root;
}

async function sealedBy(world: ClaimsWorld, root: string, hasher: Hasher) {
  const { signer } = await world.person('anna');
  const ports = {
    files: createFiles({ native: hasher.kernel === 'native' }),
    hasher: async () => hasher,
    progress: { start: () => ({ advance: () => {}, end: () => {} }) },
    clock: { now: () => new Date('2026-11-20T12:00:00Z') },
    signer,
    locate: (path: string) => path,
    registry: () => Promise.reject(new Error('no registry here')),
  };
  const outcome = await seal({ root, failOn: 'high', version: '0.0.0' }, ports);
  const read = (path: string) => readFile(join(root, path));
  const [list, bom, signature] = await Promise.all(
    ['.weighmark/files', '.weighmark/bom.cdx.json', 'model.sig'].map(read),
  );
  const payload = Buffer.from(parseBundle(signature ?? Buffer.alloc(0), 1 << 30).payload);
  const described = await bomCreate({ path: root, tool: { name: 'weighmark', version: '0.0.0' } }, ports);
  return { id: outcome.id, list: String(list), bom: String(bom), payload: String(payload), described };
}

test(
  'a seal says the same whoever hashes, and of files alike what is said of each alone',
  { skip: loadAddon() === null },
  async (t) => {
    const world = await claimsWorld(t);
    const [one, other] = [await oddTree(world, '1/m'), await oddTree(world, '2/m')];
    const native = await sealedBy(world, one, await createHasher({ kernel: 'native' }));
    const wasm = await sealedBy(world, other, await createHasher({ kernel: 'wasm' }));
    assert.deepEqual(
      [native.id, native.list, native.bom, native.payload],
      [wasm.id, wasm.list, wasm.bom, wasm.payload],
    );
    const files = parseDigestList(native.list);
    assert.equal(formatDigestList(files), native.list);
    assert.deepEqual(
      idsOf(files),
      [1, 2].map((version) => buildManifest(files, version as 1 | 2).id),
    );
    const components = (bom: string) =>
      JSON.stringify(
        (JSON.parse(bom) as { metadata: { component: { components: unknown } } }).metadata.component.components,
      );
    assert.equal(components(native.bom), components(Buffer.from(native.described.bytes).toString()));
  },
);

test('sealing and verifying take steps in proportion to the files', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const roots = new Map<number, string>();
  for (const count of [600, 1200]) {
    const files = Array.from(
      { length: count },
      (_, at) => [`n${at % 7}/${at}.JPEG`, Buffer.concat([JPEG, Buffer.from(String(at))])] as const,
    );
    roots.set(count, await world.tree(`m${count}`, Object.fromEntries(files)));
  }
  await requireLinear(600, (count) => async () => {
    const root = roots.get(count) ?? '';
    await rm(join(root, 'model.sig'), { force: true });
    await world.seal(root, anna);
    assert.equal((await world.verify(root, [anna.trust])).verdict.exitCode, 0);
  });
});
