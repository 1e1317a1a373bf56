import type { InventoryPage } from '../../src/cli/views/inventory-html.ts';
import type { Inventory, InventoryItem } from '../../src/flows/load/inventory-types.ts';

export const machinePage: InventoryPage = {
  machine: 'laptop',
  generated: '2026-11-02T10:14:00.000Z',
  version: '0.1.0',
  hashed: false,
  policy: { name: 'house', version: 3, environment: 'prod' },
};

/** Artifacts of every standing, in turn. */
export function inventoryOf(count: number, name: string): Inventory {
  const items = Array.from({ length: count }, (_, index): InventoryItem => {
    const content = index % 8 === 4 ? 'verified' : 'unread';
    const signature = { found: ['model.sig'], by: 'anna', content } as const;
    const item = {
      store: 'hugging-face',
      name: `${name}-${index}`,
      version: '1',
      location: `/home/anna/models/${name}-${index}`,
      kind: 'model',
      formats: ['safetensors'],
      files: 3,
      sizeBytes: 1000 * (index + 1),
      licences: ['MIT'],
      digests: [],
      weights: [],
      signature,
      known: [],
      promoted: ['prod'],
      findings: [],
    } as const;
    const finding = (code: 'not-promoted' | 'digest-mismatch') => [{ code, message: `${name}: it is not what it was` }];
    if (index % 4 === 1) return { ...item, promoted: [], findings: finding('not-promoted') };
    if (index % 4 === 2) return { ...item, findings: finding('digest-mismatch') };
    if (index % 4 === 3) return { ...item, signature: { ...signature, by: null, why: `${name} signed it` } };
    return item;
  });
  return { items, broken: [{ code: 'unreadable', message: `${name} cannot be read`, subject: `/srv/${name}` }] };
}
