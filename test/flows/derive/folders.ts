import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { createFiles } from '../../../src/adapters/files/index.ts';
import { createNumbers } from '../../../src/adapters/weights/index.ts';
import { filesOf } from '../../../src/flows/bom/create.ts';
import { derive, type DeriveOutcome } from '../../../src/flows/derive/derive.ts';

const files = createFiles();
const numbers = createNumbers({ kernel: 'wasm' });
const progress = { start: () => ({ advance: () => undefined, end: () => undefined }) };
const side = async (path: string) => ({ shown: path, files: filesOf(await files.walk(path), new Map(), { files }) });

/** What a child on disk is to a parent on disk. */
export async function derived(child: string, parent: string): Promise<DeriveOutcome> {
  return derive({ child: await side(child), parent: await side(parent) }, { numbers, progress });
}

/** A copy of a folder with the bytes of one tensor of its `model.safetensors` changed. */
export function changedCopy(t: TestContext, from: string, tensor: string, change: (bytes: Buffer) => void): string {
  const folder = mkdtempSync(join(tmpdir(), 'weighmark-derive-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  cpSync(from, folder, { recursive: true });
  const bytes = readFileSync(join(folder, 'model.safetensors'));
  const start = 8 + Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.subarray(8, start).toString('utf8')) as Record<string, { data_offsets: number[] }>;
  const [begin = 0, end = 0] = header[tensor]?.data_offsets ?? [];
  assert.ok(end > begin, tensor);
  change(bytes.subarray(start + begin, start + end));
  writeFileSync(join(folder, 'model.safetensors'), bytes);
  return folder;
}
