import { pick, type Emissions, type FactOf, type FieldName } from '../metadata/types.ts';
import { cite, present, property, since, some, type Build } from './build.ts';
import { counts, optional, portText } from './files.ts';
import { merged } from './related.ts';
import type {
  Component,
  Considerations,
  EnergyConsumption,
  EnvironmentalConsiderations,
  ModelCard,
  ModelParameters,
  PerformanceMetric,
  Property,
  QuantitativeAnalysis,
} from './types.ts';
import { modelWeights } from '../metadata/model-weights.ts';
import { weightSets, type WeightSet } from '../metadata/weights.ts';

/** What a model card (CycloneDX 1.5 and later) can hold of what is known; undefined when nothing is. */
export function modelCardOf(build: Build, datasets: readonly Component[]): ModelCard | undefined {
  const card = present<ModelCard>({
    modelParameters: notEmpty(parametersOf(build, datasets)),
    quantitativeAnalysis: notEmpty(
      present<QuantitativeAnalysis>({ performanceMetrics: some(metricsOf(build)), graphics: graphicsOf(build) }),
    ),
    considerations: notEmpty(considerationsOf(build)),
    properties: some(cardProperties(build)),
  });
  return notEmpty(card);
}

type FirstField = { [K in FieldName]: FactOf<K>['value'] extends string ? K : never }[FieldName];

/** The first fact of a field wins, and is cited as `key` of the object made of it. */
function first(build: Build, field: FirstField): FactOf<FirstField> | undefined {
  return pick(build.input.facts, field)[0];
}

function parametersOf(build: Build, datasets: readonly Component[]): ModelParameters {
  const [task, family, architecture] = [first(build, 'task'), first(build, 'family'), first(build, 'architecture')];
  const [approach] = pick(build.input.facts, 'approach');
  const parameters = present<ModelParameters>({
    approach: approach === undefined ? undefined : cite(build, { type: approach.value }, approach.source),
    task: task?.value,
    architectureFamily: family?.value,
    modelArchitecture: architecture?.value,
    datasets: some(datasets.map((dataset) => ({ ref: dataset['bom-ref'] }))),
    inputs: some(portsOf(build, 'input')),
    outputs: some(portsOf(build, 'output')),
  });
  if (task !== undefined) cite(build, parameters, task.source, 'task');
  if (family !== undefined) cite(build, parameters, family.source, 'architectureFamily');
  if (architecture !== undefined) cite(build, parameters, architecture.source, 'modelArchitecture');
  return parameters;
}

/** Ports of the one graph there is, else what the card says of inputs and outputs. */
function portsOf(build: Build, field: 'input' | 'output'): readonly { format: string }[] {
  const graphs = build.input.files.filter(({ report }) => (report?.[`${field}s`]?.length ?? 0) > 0);
  const [graph] = graphs;
  if (graphs.length === 1 && graph?.report !== undefined) {
    const ports = graph.report[`${field}s`] ?? [];
    return ports.map((port) => cite(build, { format: portText(port) }, { file: graph.path, pointer: 'graph' }));
  }
  return unique(build, field).map(({ value, source }) => cite(build, { format: value }, source));
}

/** Facts of a field, each value once. */
function unique(build: Build, field: FirstField): readonly FactOf<FirstField>[] {
  const seen = new Set<string>();
  return pick(build.input.facts, field).filter(({ value }) => !seen.has(value) && seen.add(value));
}

function metricsOf(build: Build): readonly PerformanceMetric[] {
  return merged(pick(build.input.facts, 'metric'), ({ type, value, slice }) =>
    JSON.stringify([type, value, slice]),
  ).map(({ value, sources }) => {
    const metric = present<PerformanceMetric>({ type: value.type, value: value.value, slice: value.slice });
    sources.forEach((source) => cite(build, metric, source));
    return metric;
  });
}

/** Pictures of results that the card shows, by name and place; their bytes are files of their own, or elsewhere. */
function graphicsOf(build: Build): QuantitativeAnalysis['graphics'] {
  const shown = merged(pick(build.input.facts, 'graphic'), ({ name, target }) => JSON.stringify([name, target])).map(
    ({ value, sources }) => {
      const graphic = { name: value.name === '' ? value.target : `${value.name}: ${value.target}` };
      sources.forEach((source) => cite(build, graphic, source));
      return graphic;
    },
  );
  return shown.length === 0
    ? undefined
    : { description: 'pictures of results that the model card shows', collection: shown };
}

function considerationsOf(build: Build): Considerations {
  const texts = (field: FirstField): readonly string[] | undefined => {
    const facts = unique(build, field);
    const values = some(facts.map(({ value }) => value));
    if (values !== undefined) facts.forEach(({ source }, index) => cite(build, values, source, String(index) as never));
    return values;
  };
  const ethical = unique(build, 'ethical').map(({ value, source }) => cite(build, { name: value }, source));
  return present<Considerations>({
    users: texts('user'),
    useCases: texts('useCase'),
    technicalLimitations: texts('limitation'),
    performanceTradeoffs: texts('tradeoff'),
    ethicalConsiderations: some(ethical),
    environmentalConsiderations: since(build, '1.6') ? environmentOf(build) : undefined,
  });
}

/** Energy entries need a stated energy: CO2 without it stays a property, for a number of ours would be invented. */
function environmentOf(build: Build): EnvironmentalConsiderations | undefined {
  const facts = pick(build.input.facts, 'emissions');
  const consumptions = facts.flatMap((fact) => consumptionOf(build, fact));
  const properties = facts.flatMap((fact) =>
    emissionProperties(fact.value).map((item) => cite(build, item, fact.source)),
  );
  return notEmpty(
    present<EnvironmentalConsiderations>({ energyConsumptions: some(consumptions), properties: some(properties) }),
  );
}

function consumptionOf(build: Build, { value, source }: FactOf<'emissions'>): readonly EnergyConsumption[] {
  if (value.energyKwh === undefined) return [];
  const energy = { value: value.energyKwh, unit: 'kWh' } as const;
  const consumption = present<EnergyConsumption>({
    activity: value.activity ?? 'other',
    energyProviders: [{ organization: {}, energySource: 'unknown', energyProvided: energy }],
    activityEnergyCost: energy,
    co2CostEquivalent: value.co2Grams === undefined ? undefined : { value: value.co2Grams / 1e6, unit: 'tCO2eq' },
  });
  return [cite(build, consumption, source)];
}

function emissionProperties(value: Emissions): readonly Property[] {
  const grams = value.co2Grams === undefined ? [] : [property('co2eq:grams', value.co2Grams)];
  return [...grams, ...Object.entries(value.notes).map(([name, text]) => property(`co2eq:${name}`, text))];
}

const LISTED = ['quantization', 'library', 'language'] as const;

function cardProperties(build: Build): readonly Property[] {
  const sets = weightSets(build.input.files);
  const stated = LISTED.flatMap((field) =>
    unique(build, field).map(({ value, source }) => cite(build, property(field, value), source)),
  );
  const details = detailProperties(build);
  const emissions = since(build, '1.6')
    ? []
    : pick(build.input.facts, 'emissions').flatMap((fact) =>
        emissionProperties(fact.value).map((item) => cite(build, item, fact.source)),
      );
  return [...weightProperties(build, modelWeights(sets)), ...stated, ...details, ...emissions];
}

/** Details by name and value, once each. */
export function detailProperties(build: Build): readonly Property[] {
  return merged(pick(build.input.facts, 'detail'), ({ name, value }) => JSON.stringify([name, value])).map(
    ({ value, sources }) => {
      const made = property(value.name, value.value);
      sources.forEach((source) => cite(build, made, source));
      return made;
    },
  );
}

/** Counted from the headers of the files named in the citation; absent where files do not tell or disagree. */
function weightProperties(build: Build, weights: WeightSet | null): readonly Property[] {
  if (weights === null) return [];
  const properties = [
    property('weights:format', weights.format),
    ...optional('parameters', weights.parameters),
    ...counts('parameters', weights.parametersByDtype),
    ...optional('tensors', weights.tensors === 0 ? undefined : weights.tensors),
  ];
  const source = {
    file: weights.files[0]?.path ?? weights.name,
    pointer: weights.files.length === 1 ? 'header' : 'header of every shard',
  };
  return properties.map((item) => cite(build, item, source));
}

function notEmpty<T extends object>(value: T): T | undefined {
  return Object.keys(value).length === 0 ? undefined : value;
}
