import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inventoryHtml } from '../../../src/cli/views/inventory-html.ts';
import { lineageHtml } from '../../../src/cli/views/lineage-html.ts';
import { registryHtml } from '../../../src/cli/views/registry-html.ts';
import { reportHtml } from '../../../src/cli/views/report-html.ts';
import { inventoryOf, machinePage } from '../../cli/inventory-sample.ts';
import { overview, overviewOf, reportOf } from '../../cli/report-sample.ts';

const HOSTILE = '</code><script>alert(1)</script>"><img src=x onerror=alert(2)>\u202e ' + 'long'.repeat(40);

/** Pages with every section filled: an ordinary one, a hostile one, a lineage of a thousand, a registry of a hundred (axe takes minutes on more rows; their bytes are `report-scale.test.ts`'s). */
const pages = {
  report: reportHtml(reportOf('acme/encoder', 12), '0.1.0'),
  'report-hostile': reportHtml(reportOf(HOSTILE, 3), '0.1.0'),
  'report-thousand': reportHtml(reportOf('acme/encoder', 1000), '0.1.0'),
  registry: registryHtml(overview('acme/encoder', reportOf('acme/encoder', 1).verdict), '0.1.0'),
  'registry-hostile': registryHtml(overview(HOSTILE, reportOf(HOSTILE, 1).verdict), '0.1.0'),
  'registry-hundred': registryHtml(overviewOf(100), '0.1.0', ({ id }) => `models/${id.slice(7, 23)}.html`),
  lineage: lineageHtml(reportOf('acme/encoder', 40).lineage, reportOf('acme/encoder', 1).verdict),
  inventory: inventoryHtml(inventoryOf(60, 'acme/encoder'), machinePage),
  'inventory-hostile': inventoryHtml(inventoryOf(5, HOSTILE), { ...machinePage, machine: HOSTILE }),
};
for (const [name, page] of Object.entries(pages)) writeFileSync(join(process.argv[2] ?? '.', `${name}.html`), page);
