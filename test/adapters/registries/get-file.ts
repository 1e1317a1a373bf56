/** Gets one file out of a registry, in a process of its own: LOCATION HOME FILE DIGEST SIZE. */
import { openRegistry } from '../../../src/adapters/registries/index.ts';

const [location = '', home = '', file = '', digest = '', size = ''] = process.argv.slice(2);
const registry = await openRegistry(location, { env: { ...process.env, HOME: home } });
await registry.getFile('enc', digest, { location: file, sizeBytes: Number(size) });
