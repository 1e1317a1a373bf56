// Holds what `derive-all.ts` prints to what must be; says the figures. For `weights.sh`.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

interface Line {
  readonly child: string;
  readonly word: string;
  readonly missing?: readonly string[];
  readonly weak?: readonly {
    readonly name: string;
    readonly word: string;
    readonly dtype?: string;
    readonly why?: string;
  }[];
}

const [what = ''] = process.argv.slice(2);
const lines: Line[] = [];
for await (const line of createInterface({ input: process.stdin })) lines.push(JSON.parse(line) as Line);
const name = ({ child }: Line): string => child.slice(child.lastIndexOf('/') + 1);

function judgeModels(): boolean {
  const exponential = (line: Line): boolean =>
    name(line).startsWith('mamba') &&
    (line.weak ?? []).every((tensor) => tensor.word === 'bounded' && tensor.name.endsWith('ssm_a'));
  const wrong = lines.filter((line) => line.word !== 'equal' && line.word !== 'recomputed' && !exponential(line));
  console.log(`${lines.length - wrong.length} of ${lines.length} conversions`);
  for (const line of wrong) console.log(JSON.stringify(line));
  return lines.length === 228 && wrong.length === 0;
}

/** Not one is recomputed; by codes alone 99 of 100 are found; each at the right tensor. Honest ones are never refused. */
function judgeTampered(quick: boolean): boolean {
  const honest = lines.filter((line) => name(line).includes('-honest'));
  const others = lines.filter((line) => !name(line).includes('-honest'));
  const found = others.filter((line) =>
    quick ? line.word === 'not from the parent' : line.word !== 'recomputed' && line.word !== 'equal',
  );
  const named = found.every((line) => (line.weak ?? []).every((tensor) => tensor.name === 'blk.0.ffn_up.weight'));
  const accused = honest.filter((line) => line.word === 'not from the parent');
  console.log(
    `${quick ? 'codes alone' : 'recomputed'}: ${found.length} of ${others.length} found, ${accused.length} honest accused`,
  );
  return (
    others.length === 270 && honest.length === 6 && found.length >= (quick ? 268 : 270) && named && accused.length === 0
  );
}

/** By what was done to each child: only its tensors are accused, and they are. Rows that were added are undecided, which passes nowhere. */
function judgeAttack(path: string): boolean {
  const cases = new Map(
    readFileSync(path, 'utf8')
      .trim()
      .split('\n')
      .map((line) => line.split('\t'))
      .map(([child = '', , what = '', tensors = '']) => [child, { what, tensors: tensors.split(',') }]),
  );
  const wrong = lines.filter((line) => {
    const { what, tensors } = cases.get(line.child) ?? { what: '', tensors: [] };
    const weak = (line.weak ?? []).filter(
      ({ word }) => word === (what === 'rows added' ? 'undecided' : 'not from the parent'),
    );
    if (what === 'honest') return line.word === 'not from the parent' || line.word === 'undecided';
    if (what === 'a tensor dropped') return (line.missing ?? []).length !== 1;
    return weak.length === 0 || !weak.every((tensor) => tensors.includes(tensor.name));
  });
  console.log(`${lines.length - wrong.length} of ${lines.length} children as they are`);
  for (const line of wrong) console.log(JSON.stringify({ ...line, ...cases.get(line.child) }));
  return lines.length === 330 && cases.size === 330 && wrong.length === 0;
}

/** Every honest child is recomputed, but those for which a weaker word is known; every other is found, at the tensor that was changed. */
function judgeMerged(least: number, allowed: (line: Line) => boolean): boolean {
  const changed = 'model.layers.1.mlp.up_proj.weight';
  const others = lines.filter((line) => name(line).startsWith('tampered'));
  const honest = lines.filter((line) => !name(line).startsWith('tampered'));
  const wrong = honest.filter((line) => line.word !== 'recomputed' && line.word !== 'equal' && !allowed(line));
  const missed = others.filter(
    (line) =>
      line.word !== 'not from the parent' ||
      !(line.weak ?? []).every((tensor) => tensor.word !== 'not from the parent' || tensor.name === changed),
  );
  console.log(
    `${honest.length - wrong.length} of ${honest.length} honest, ${others.length - missed.length} of ${others.length} found`,
  );
  for (const line of [...wrong, ...missed]) console.log(JSON.stringify(line));
  return others.length >= least && honest.length > 0 && wrong.length === 0 && missed.length === 0;
}

/** All weights are recomputed; of static ONNX models the scales of what goes through them are undecided. */
function judgeAffine(): boolean {
  const isStatic = (line: Line): boolean => /onnxruntime-q/.test(name(line)) && line.word === 'undecided';
  const isScale = (weak: { readonly name: string; readonly word: string }): boolean =>
    weak.word === 'undecided' && /^[xyuv]_(?:scale|zero_point)$/.test(weak.name);
  const wrong = lines.filter(
    (line) => line.word !== 'recomputed' && !(isStatic(line) && (line.weak ?? []).every(isScale)),
  );
  console.log(`${lines.length - wrong.length} of ${lines.length} children`);
  for (const line of wrong) console.log(JSON.stringify(line));
  return lines.length === 84 && wrong.length === 0;
}

/** Four parents' thirteen children of ONNX Runtime, three parents' three of FP8; where scales were searched, codes are the nearest. */
function judgeBlocks(): boolean {
  const searched = (line: Line): boolean =>
    /^(?:search|data)/.test(name(line)) && ['nearest codes', 'bounded'].includes(line.word);
  const between = (line: Line): boolean => line.word === 'nearest codes' && name(line).startsWith('qdq-asymmetric');
  const wrong = lines.filter((line) => line.word !== 'recomputed' && !searched(line) && !between(line));
  console.log(`${lines.length - wrong.length} of ${lines.length} children`);
  for (const line of wrong) console.log(JSON.stringify(line));
  return lines.length === 75 && wrong.length === 0;
}

/** All but the biases of what was quantised throughout; of a conversion from Keras nothing is known. */
function judgeTflite(): boolean {
  const open = (line: Line): boolean =>
    line.word === 'undecided' &&
    (name(line) === 'parent.tflite' ||
      (line.weak ?? []).every((weak) => weak.word === 'undecided' && weak.dtype === 'TFLITE_QI32'));
  const wrong = lines.filter((line) => line.word !== 'recomputed' && !open(line));
  console.log(`${lines.length - wrong.length} of ${lines.length} children`);
  for (const line of wrong) console.log(JSON.stringify(line));
  return lines.length === 10 && wrong.length === 0;
}

function judgePruned(): boolean {
  const wanted = (line: Line): readonly string[] =>
    name(line).startsWith('changed')
      ? ['not from the parent']
      : name(line).startsWith('random')
        ? ['bounded']
        : ['equal', 'recomputed'];
  const stray = (line: Line): boolean =>
    (line.weak ?? []).some(
      ({ word, name: tensor }) => word === 'not from the parent' && tensor !== 'layers.1.up.weight',
    );
  const wrong = lines.filter((line) => !wanted(line).includes(line.word) || stray(line));
  console.log(`${lines.length - wrong.length} of ${lines.length} children`);
  for (const line of wrong) console.log(JSON.stringify(line));
  return lines.length === 32 && wrong.length === 0;
}

/** Nobody can say of codes that data chose: three parents' four children each. */
function judgeCalibrated(): boolean {
  const wrong = lines.filter((line) => line.word !== 'undecided');
  console.log(`${lines.length - wrong.length} of ${lines.length} children`);
  for (const line of wrong) console.log(JSON.stringify(line));
  return lines.length === 12 && wrong.length === 0;
}

/** Three parents' eight children each: those by round-to-nearest alone are recomputed. */
function judgeFolded(): boolean {
  const wrong = lines.filter((line) => line.word !== (name(line) === 'nearest' ? 'recomputed' : 'undecided'));
  console.log(`${lines.length - wrong.length} of ${lines.length} children`);
  for (const line of wrong) console.log(JSON.stringify(line));
  return lines.length === 24 && wrong.length === 0;
}

const JUDGES: Readonly<Record<string, () => boolean>> = {
  affine: judgeAffine,
  attack: () => judgeAttack(process.argv[3] ?? ''),
  blocks: judgeBlocks,
  calibrated: judgeCalibrated,
  folded: judgeFolded,
  models: judgeModels,
  pruned: judgePruned,
  tflite: judgeTflite,
  adapters: () =>
    judgeMerged(
      148,
      (line) =>
        (line.word === 'bounded' && name(line) === 'f32-dora') ||
        (line.word === 'undecided' && name(line) === 'f32-dora-gpt2'),
    ),
  merges: () =>
    judgeMerged(
      180,
      (line) =>
        (line.word === 'bounded' && /^(?:slerp|gradient)/.test(name(line))) ||
        (line.word === 'undecided' && name(line) === 'dare'),
    ),
};

const held = JUDGES[what]?.() ?? judgeTampered(what.endsWith('--quick'));
process.exitCode = held ? 0 : 1;
