import { Buffer } from 'node:buffer';
import type { MetadataFile } from '../../../src/domain/metadata/read.ts';
import { pick, type Fact, type FactValues, type FieldName } from '../../../src/domain/metadata/types.ts';

export function file(path: string, content: string | object): MetadataFile {
  return { path, bytes: Buffer.from(typeof content === 'string' ? content : JSON.stringify(content)) };
}

export function valuesOf<K extends FieldName>(facts: readonly Fact[], field: K): readonly FactValues[K][] {
  return pick(facts, field).map(({ value }) => value as FactValues[K]);
}

export function placesOf(facts: readonly Fact[], field: FieldName): readonly (string | undefined)[] {
  return pick(facts, field).map(({ source }) => source.pointer);
}
