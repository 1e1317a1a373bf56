import { isJsonObject, type Json } from '../base/json.ts';

export type JsonObject = { readonly [key: string]: Json };

/** A member of a BOM's JSON that is an object. */
export function objectAt(object: JsonObject | undefined, key: string): JsonObject | undefined {
  const value = object?.[key];
  return isJsonObject(value) ? value : undefined;
}

/** Those of a member's items that are objects. */
export function list(object: JsonObject | undefined, key: string): readonly JsonObject[] {
  const value = object?.[key];
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}
