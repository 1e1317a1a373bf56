import { isJsonObject } from '../base/json.ts';

/** Digests that workers found, as the BOM of a seal tells of them. */
const DETAIL = 'digests-from-workers';
const PROPERTY = `weighmark:${DETAIL}`;

/** A file of the same size that changed since its worker read it is found only where it is read again: how many are not is said. */
export function workersText({ parts, read, files }: { parts: number; read: number; files: number }): string {
  const left = files - read;
  const rest = left === 0 ? '' : `, ${left} on the workers' word alone`;
  return `${parts} parts; ${read} of ${files} files read again${rest}`;
}

export function workersDetail(value: string): { readonly name: string; readonly value: string } {
  return { name: DETAIL, value };
}

/** What a BOM says of workers, once or oftener; nothing: whoever made it read all files. */
export function workersIn(bom: Readonly<Record<string, unknown>>): readonly string[] {
  const metadata = bom['metadata'];
  const component = isJsonObject(metadata) ? metadata['component'] : undefined;
  const places = isJsonObject(component) ? [component, component['modelCard']] : [];
  return places.flatMap((place) => {
    const properties = isJsonObject(place) ? place['properties'] : undefined;
    return (Array.isArray(properties) ? properties : []).flatMap((each) => {
      if (!isJsonObject(each) || each['name'] !== PROPERTY) return [];
      return [typeof each['value'] === 'string' ? each['value'] : 'how many is not said'];
    });
  });
}

/** Whether the signer read every file again. What says anything else, or nothing that is understood, does not. */
export function allReadAgain(text: string): boolean {
  const [, read, files] = /^\d+ parts; (\d+) of (\d+) files read again$/.exec(text) ?? [];
  return read !== undefined && read === files && read !== '0';
}
