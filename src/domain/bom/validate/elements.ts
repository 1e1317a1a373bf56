import { isJsonObject, type Json } from '../../base/json.ts';
import { BSI, CISA, G7, NTIA } from './element-tables.ts';
import { nameOf, viewOf, type Element, type View } from './element-view.ts';

const SETS = { g7: G7, ntia: NTIA, cisa: CISA, bsi: BSI } as const;

/** A set of minimum elements somebody may demand. */
export type ElementSet = keyof typeof SETS;
export const ELEMENT_SETS: readonly ElementSet[] = ['g7', 'ntia', 'cisa', 'bsi'];

/** `person`: no BOM field holds it; somebody must say it elsewhere. `not-applicable`: the BOM has nothing it is about. */
export type ElementStatus = 'present' | 'missing' | 'person' | 'not-applicable';

export interface ElementResult {
  readonly id: string;
  readonly name: string;
  readonly status: ElementStatus;
  /** What it is missing from, by name or bom-ref, where several things are asked. */
  readonly missingFrom: readonly string[];
}

/** Which elements of a set a BOM holds. The sets' sources stand beside their tables. */
export function minimumElements(set: ElementSet, bom: Json): readonly ElementResult[] {
  const view = viewOf(isJsonObject(bom) ? bom : {});
  return SETS[set].map((element) => resultOf(element, view));
}

function resultOf({ id, name, ask }: Element, view: View): ElementResult {
  if (ask === 'person') return { id, name, status: 'person', missingFrom: [] };
  if (typeof ask === 'function') return { id, name, status: ask(view) ? 'present' : 'missing', missingFrom: [] };
  if ('perhaps' in ask) return { id, name, status: ask.perhaps(view) ? 'present' : 'person', missingFrom: [] };
  const asked = view[ask.of];
  if (asked.length === 0)
    return { id, name, status: ask.of === 'datasets' ? 'not-applicable' : 'missing', missingFrom: [] };
  const missingFrom = asked.filter((component) => !ask.has(component, view)).map(nameOf);
  return { id, name, status: missingFrom.length === 0 ? 'present' : 'missing', missingFrom };
}
