/** Puts one file into a registry, in a process of its own that can be killed: LOCATION HOME FILE DIGEST CHUNK_BYTES. */
import { stat } from 'node:fs/promises';
import { openRegistry } from '../../../src/adapters/registries/index.ts';

const [location = '', home = '', file = '', digest = '', chunkBytes = ''] = process.argv.slice(2);
const registry = await openRegistry(location, {
  env: { ...process.env, HOME: home },
  uploadChunkBytes: Number(chunkBytes),
});
await registry.putFile('enc', digest, { location: file, sizeBytes: (await stat(file)).size });
