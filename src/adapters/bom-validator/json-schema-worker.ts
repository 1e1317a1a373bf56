import { parentPort, workerData } from 'node:worker_threads';
import { compileSchema } from './json-schema.ts';

const { text, specVersion } = workerData as { readonly text: string; readonly specVersion: string };
parentPort?.postMessage((await compileSchema(specVersion))(text));
