// For each line of standard input, `child<TAB>parent[<TAB>with]`: the word, and what is weak; `with` is an importance matrix, or with
// --adapter a LoRA, with --merge the models that were merged. For `weights.sh`.
import { createInterface } from 'node:readline';
import { createFiles } from '../../../src/adapters/files/index.ts';
import { createNumbers } from '../../../src/adapters/weights/index.ts';
import { WORDS } from '../../../src/domain/derive/verdict.ts';
import { filesOf } from '../../../src/flows/bom/create.ts';
import { derive } from '../../../src/flows/derive/derive.ts';
import type { SideInput } from '../../../src/flows/derive/side.ts';

const files = createFiles();
const kernel = process.env['WEIGHMARK_KERNEL'] === 'wasm' ? { kernel: 'wasm' as const } : {};
const numbers = createNumbers(kernel);
const progress = { start: () => ({ advance: () => undefined, end: () => undefined }) };
const quick = process.argv.includes('--quick');

async function side(path: string): Promise<SideInput> {
  const tree = await files.walk(path);
  return { shown: path, files: filesOf(tree, new Map(), { files }) };
}

async function besides(others: readonly string[]) {
  const sides: SideInput[] = [];
  for (const other of others) sides.push(await side(other));
  const [first] = sides;
  if (process.argv.includes('--prune')) return { step: 'prune' as const };
  if (process.argv.includes('--merge')) return { step: 'merge' as const, merged: sides };
  if (first === undefined) return {};
  return process.argv.includes('--adapter') ? { adapter: first } : { importance: first };
}

for await (const line of createInterface({ input: process.stdin })) {
  const [child = '', parent = '', ...others] = line.split('\t');
  try {
    const input = {
      child: await side(child),
      parent: await side(parent),
      ...(await besides(others)),
      ...(quick ? { quick } : {}),
    };
    const { word, tensors, missing } = await derive(input, { numbers, progress });
    const counts: Record<string, number> = {};
    for (const tensor of tensors) counts[tensor.word] = (counts[tensor.word] ?? 0) + 1;
    const weak = tensors
      .filter((tensor) => tensor.word !== 'equal' && tensor.word !== 'recomputed')
      .toSorted((a, b) => WORDS.indexOf(b.word) - WORDS.indexOf(a.word))
      .slice(0, 3);
    const how = [...new Set(tensors.flatMap((tensor) => tensor.how))];
    console.log(JSON.stringify({ child, word, counts, how, missing, weak }));
  } catch (error) {
    console.log(JSON.stringify({ child, word: 'error', error: String(error) }));
  }
}
