import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Json } from '../../../src/domain/base/json.ts';

const FILES = { 'config.json': '{"a": 1}', 'sub/w.bin': 'weights', empty: '' };

/** The one small model that all bundles are about. */
export function writeModel(folder: string): void {
  for (const [name, content] of Object.entries(FILES)) {
    mkdirSync(join(folder, 'model', name, '..'), { recursive: true });
    writeFileSync(join(folder, 'model', name), content);
  }
}

const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');

/** As model_signing signs it. */
export function statement(): Json {
  const resources = Object.entries(FILES)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, content]) => ({ name, algorithm: 'sha256', digest: sha256(content) }));
  const root = sha256(Buffer.concat(resources.map(({ digest }) => Buffer.from(digest, 'hex'))));
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: 'model', digest: { sha256: root } }],
    predicateType: 'https://model_signing/signature/v1.0',
    predicate: {
      serialization: { method: 'files', hash_type: 'sha256', allow_symlinks: false, ignore_paths: [] },
      resources,
    },
  };
}
