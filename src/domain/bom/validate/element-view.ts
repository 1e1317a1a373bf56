import { list, objectAt, type JsonObject } from '../members.ts';

/** The parts of a BOM that minimum elements ask about. */
export interface View {
  readonly bom: JsonObject;
  readonly metadata: JsonObject;
  readonly primary: JsonObject | undefined;
  readonly models: readonly JsonObject[];
  readonly datasets: readonly JsonObject[];
  readonly software: readonly JsonObject[];
  /** The primary one and all listed beside it. */
  readonly all: readonly JsonObject[];
}

export interface Element {
  readonly id: string;
  readonly name: string;
  readonly ask: 'person' | ((view: View) => boolean) | PerComponent | Perhaps;
}

/** Where it is not there, only a person knows: no field of a BOM must hold it. */
export interface Perhaps {
  readonly perhaps: (view: View) => boolean;
}

export interface PerComponent {
  readonly of: 'models' | 'datasets' | 'all';
  readonly has: (component: JsonObject, view: View) => boolean;
}

export function viewOf(bom: JsonObject): View {
  const metadata = objectAt(bom, 'metadata') ?? {};
  const primary = objectAt(metadata, 'component');
  const all = [...(primary === undefined ? [] : [primary]), ...list(bom, 'components')];
  const models = all.filter((component) => component['type'] === 'machine-learning-model');
  const datasets = all.filter(
    (component) => component['type'] === 'data' && list(component, 'data').some((data) => data['type'] === 'dataset'),
  );
  const software = all.filter(
    (component) =>
      component['type'] === 'library' || component['type'] === 'framework' || component['type'] === 'application',
  );
  return { bom, metadata, primary: primary ?? models[0], models, datasets, software, all };
}

/** NTIA and G7 ask for the entity that made the data: a person or organization, not its tool. */
export function hasAuthor({ metadata }: View): boolean {
  const entity = ['supplier', 'manufacturer', 'manufacture'].some((key) => objectAt(metadata, key) !== undefined);
  return entity || list(metadata, 'authors').length > 0;
}

export function hasProducer(component: JsonObject): boolean {
  const entity = ['supplier', 'manufacturer'].some((key) => text(objectAt(component, key), 'name'));
  return (
    entity ||
    text(component, 'publisher') ||
    text(component, 'author') ||
    list(component, 'authors').length > 0 ||
    text(component, 'group')
  );
}

export function hasIdentifier(component: JsonObject): boolean {
  const own = list(component, 'properties').some((item) => item['name'] === 'weighmark:id');
  return (
    own ||
    ['purl', 'cpe', 'omniborId', 'swhid', 'swid'].some((key) => component[key] !== undefined) ||
    hasHash(component) ||
    list(component, 'externalReferences').length > 0
  );
}

/** On the component, or on every file nested in it. */
export function hasHash(component: JsonObject): boolean {
  if (list(component, 'hashes').length > 0) return true;
  const files = list(component, 'components');
  return files.length > 0 && files.every((file) => list(file, 'hashes').length > 0);
}

/** In a flat BOM of one model, its files stand beside it. */
export function hasFileHashes(component: JsonObject, { bom, models }: View): boolean {
  const files = list(bom, 'components').filter(({ type }) => type === 'file');
  return (
    hasHash(component) ||
    (models.length === 1 && files.length > 0 && files.every((file) => list(file, 'hashes').length > 0))
  );
}

export function hasLicence(component: JsonObject): boolean {
  return list(component, 'licenses').length > 0;
}

export function parameters(component: JsonObject): JsonObject | undefined {
  return objectAt(objectAt(component, 'modelCard'), 'modelParameters');
}

export function tools(metadata: JsonObject): readonly JsonObject[] {
  const stated = metadata['tools'];
  return Array.isArray(stated)
    ? list(metadata, 'tools')
    : [...list(objectAt(metadata, 'tools'), 'components'), ...list(objectAt(metadata, 'tools'), 'services')];
}

export function text(object: JsonObject | undefined, key: string): boolean {
  const value = object?.[key];
  return typeof value === 'string' && value.trim() !== '';
}

export function nameOf(component: JsonObject): string {
  const name = component['bom-ref'] ?? component['name'];
  return typeof name === 'string' ? name.slice(0, 200) : 'a component';
}

/** TR-03183-2's taxonomy, of version 2.1 and as it was before. */
export function hasProperty(component: JsonObject, name: string): boolean {
  const names = [`bsi:component:${name}`, `bsi:${name}`];
  return list(component, 'properties').some(
    (item) => names.some((each) => each === item['name']) && text(item, 'value'),
  );
}

/** On the component, or on the reference to where it is had, as TR-03183-2 maps it. */
export function hasSha512(component: JsonObject): boolean {
  const places = [component, ...list(component, 'externalReferences')];
  return places.some((place) => list(place, 'hashes').some(({ alg }) => alg === 'SHA-512'));
}

/** Somebody who can be written to: an e-mail address or a URL. */
export function contactOf(entity: JsonObject | undefined): boolean {
  const contacts = [entity, ...list(entity, 'contact')];
  return contacts.some(
    (each) => text(each, 'email') || text(each, 'url') || (Array.isArray(each?.['url']) && each['url'].length > 0),
  );
}
