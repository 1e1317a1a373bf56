/**
 * Versions of the commands' JSON, where it has grown since the first: a reader of an older version meets no field it does not
 * know without the number telling it (schemas/, whose `schemaVersion` is held to this by a test).
 */
const GROWN: Readonly<Record<string, number>> = {
  'bom-create': 2,
  'bom-diff': 2,
  'bom-validate': 2,
  completion: 2,
  'dataset-check': 3,
  'dataset-describe': 2,
  'dataset-diff': 2,
  'dataset-index': 2,
  'dataset-merge': 2,
  derive: 3,
  diff: 3,
  hash: 2,
  impact: 3,
  init: 2,
  inspect: 3,
  inventory: 3,
  keygen: 2,
  lineage: 4,
  list: 2,
  'log-integrate': 2,
  'log-show': 3,
  'policy-lint': 2,
  promote: 2,
  report: 3,
  'report-registry': 3,
  revoke: 3,
  scan: 2,
  seal: 2,
  show: 2,
  verify: 2,
};

/** @param name the schema's, such as `bom-create` */
export function schemaVersionOf(name: string): number {
  return GROWN[name] ?? 1;
}
