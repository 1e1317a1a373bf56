import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createFiles } from '../../../src/adapters/files/index.ts';
import { createProgress } from '../../../src/adapters/progress.ts';
import { openRegistry } from '../../../src/adapters/registries/index.ts';
import { push } from '../../../src/flows/registry/push.ts';
import { startRegistry } from '../../adapters/registries/server.ts';

test('a registry without a log, and a name that is none, are said before anything is hashed or sent', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'weighmark-push-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await mkdir(join(folder, 'model'));
  await writeFile(join(folder, 'model', 'model.bin'), 'weights');
  const server = await startRegistry(t);
  const registry = await openRegistry(`oci://${server.host}/acme`, { env: { HOME: folder } });
  const hasher = async () => assert.fail('the model was hashed');
  const ports = { files: createFiles(), hasher, progress: createProgress(() => process.stderr, false) };
  await assert.rejects(push({ root: join(folder, 'model'), as: 'enc:1' }, ports, registry), {
    code: 'not-found',
    message: /has no log/,
  });
  await assert.rejects(push({ root: join(folder, 'model'), as: 'Enc' }, ports, registry), { code: 'name-invalid' });
  assert.deepEqual(
    server.requests.filter(({ method }) => method !== 'GET' && method !== 'HEAD'),
    [],
  );
});
