import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { TestContext } from 'node:test';
import { createFiles } from '../../../src/adapters/files/index.ts';
import { createNumbers } from '../../../src/adapters/weights/index.ts';
import { bytesSource, readFormat } from '../../../src/domain/formats/index.ts';
import { readWeights } from '../../../src/domain/weights/read.ts';
import { filesOf } from '../../../src/flows/bom/create.ts';
import { derive } from '../../../src/flows/derive/derive.ts';
import type { DeriveOutcome } from '../../../src/flows/derive/outcome.ts';

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

/** A copy of a file with the bytes of the first tensor of such a name changed. */
export async function changedFile(from: string, tensor: RegExp, change: (bytes: Buffer) => void): Promise<string> {
  const bytes = readFileSync(from);
  const [path, source] = [join(mkdtempSync(join(tmpdir(), 'weighmark-changed-')), basename(from)), bytesSource(bytes)];
  const { tensors } = await readWeights({ path, source, beside: async () => null }, await readFormat({ path, source }));
  const found = tensors.find(({ name }) => tensor.test(name));
  assert.ok(found !== undefined, from);
  const offset =
    found.elements.kind === 'stretch' ? found.elements.offset : await placeOf(found.elements.open(source), bytes);
  change(bytes.subarray(offset, offset + found.sizeBytes));
  writeFileSync(path, bytes);
  return path;
}

/** ONNX keeps small tensors as numbers: where those bytes are. */
async function placeOf(chunks: AsyncIterable<Uint8Array>, bytes: Buffer): Promise<number> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(Uint8Array.from(chunk));
  const at = bytes.indexOf(Buffer.concat(parts));
  assert.ok(at >= 0);
  return at;
}
