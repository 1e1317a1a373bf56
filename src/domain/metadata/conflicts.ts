import { compatible, licenceOf } from './licence.ts';
import { modelWeights } from './model-weights.ts';
import { weightSets } from './weights.ts';
import { pick, sourceName, type BomFile, type Conflict, type Fact, type FactOf } from './types.ts';
import { folderOf } from './read.ts';

/** Where two sources say different things of one thing. Nothing is chosen here: both stand, with who says them. */
export function findConflicts(facts: readonly Fact[], files: readonly BomFile[]): readonly Conflict[] {
  return [
    ...licenceConflicts(facts),
    ...baseModelConflicts(facts),
    ...versionConflicts(facts),
    ...quantizationConflicts(facts),
    ...parameterConflicts(facts, files),
    ...dtypeConflicts(facts, files),
  ];
}

interface Saying {
  readonly value: string;
  readonly source: string;
}

function conflictOf(field: string, sayings: readonly Saying[]): readonly Conflict[] {
  const byValue = new Map<string, string[]>();
  for (const { value, source } of sayings) byValue.set(value, [...(byValue.get(value) ?? []), source]);
  return [
    { field, values: [...byValue].map(([value, sources]) => ({ value, source: sources.slice(0, 3).join(', ') })) },
  ];
}

/** Each source names its licences (several may all apply); two sources disagree when they have none in common. */
function licenceConflicts(facts: readonly Fact[]): readonly Conflict[] {
  const said = pick(facts, 'licence').flatMap((fact) => {
    const licence = licenceOf(fact.value.text);
    return licence === null ? [] : [{ value: licence.text, source: sourceName(fact.source) }];
  });
  const sets = [...Map.groupBy(said, ({ source }) => source.split('#', 1)[0] ?? source).values()];
  const [first] = sets;
  const agrees = (set: typeof said): boolean =>
    set.some(({ value }) => first?.some((other) => compatible(value, other.value)) === true);
  return first === undefined || sets.every(agrees) ? [] : conflictOf('licence', said);
}

/** Each file names its base models; two files disagree when they have none in common. */
function baseModelConflicts(facts: readonly Fact[]): readonly Conflict[] {
  const all = pick(facts, 'baseModel');
  if (!all.some(({ value }) => value.hinted !== true)) return [];
  const groups = Map.groupBy(all, ({ source }) => source.file ?? sourceName(source));
  const sets = [...groups.values()].map((group) => new Set(group.map(({ value }) => lastPart(value.name))));
  const [first] = sets;
  const disagree = first !== undefined && sets.some((set) => ![...set].some((name) => first.has(name)));
  return disagree
    ? conflictOf(
        'base-model',
        all.map(({ value, source }) => ({ value: value.name, source: sourceName(source) })),
      )
    : [];
}

function lastPart(name: string): string {
  return (name.split('/').findLast((part) => part !== '') ?? name).toLowerCase();
}

/** A package's version need not be the model's: only sources in one folder are compared. */
function versionConflicts(facts: readonly Fact[]): readonly Conflict[] {
  return [...Map.groupBy(pick(facts, 'version'), ({ source }) => folderOf(source.file ?? '')).values()].flatMap(
    (group) => {
      const said = group.map(({ value, source }) => ({ value, source: sourceName(source) }));
      return new Set(said.map(({ value }) => value)).size > 1 ? conflictOf('version', said) : [];
    },
  );
}

const LABEL = /(?:^|[-._/])((?:I?Q\d(?:_[A-Z0-9]+)*)|B?F16|F32)\.gguf$/i;

/** A GGUF file's name says one quantization, its header another. */
function quantizationConflicts(facts: readonly Fact[]): readonly Conflict[] {
  return pick(facts, 'quantization').flatMap(({ value, source }) => {
    const label = LABEL.exec(source.file ?? '')?.[1]?.toUpperCase();
    if (label === undefined || label === value) return [];
    return conflictOf('quantization', [
      { value, source: sourceName(source) },
      { value: label, source: `the name ${source.file ?? ''}` },
    ]);
  });
}

function parameterConflicts(facts: readonly Fact[], files: readonly BomFile[]): readonly Conflict[] {
  const weights = modelWeights(weightSets(files));
  if (weights?.parameters === undefined) return [];
  const counted = String(weights.parameters);
  const others = pick(facts, 'parameterCount').filter(({ value }) => value !== weights.parameters);
  if (others.length === 0) return [];
  return conflictOf('parameters', [
    { value: counted, source: weights.name },
    ...others.map((fact: FactOf<'parameterCount'>) => ({ value: String(fact.value), source: sourceName(fact.source) })),
  ]);
}

const DTYPES = new Map([
  ['float32', 'F32'],
  ['float16', 'F16'],
  ['bfloat16', 'BF16'],
  ['float64', 'F64'],
]);

/** `torch_dtype` of the configuration beside the weights against the dtypes that are really there. */
function dtypeConflicts(facts: readonly Fact[], files: readonly BomFile[]): readonly Conflict[] {
  const weights = modelWeights(weightSets(files));
  const there = Object.keys(weights?.parametersByDtype ?? {});
  if (weights === null || there.length === 0 || pick(facts, 'quantization').length > 0) return [];
  return pick(facts, 'detail').flatMap(({ value, source }) => {
    const dtype = value.name === 'declared-dtype' ? DTYPES.get(value.value.replace(/^torch\./, '')) : undefined;
    const beside = folderOf(source.file ?? '') === folderOf(weights.files[0]?.path ?? '');
    if (dtype === undefined || !beside || there.includes(dtype)) return [];
    return conflictOf('dtype', [
      { value: dtype, source: sourceName(source) },
      { value: there.join(', '), source: weights.name },
    ]);
  });
}
