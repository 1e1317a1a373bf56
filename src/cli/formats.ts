import { WeighmarkError } from '../domain/base/errors.ts';
import { nearest } from './nearest.ts';

const ALL = ['text', 'json'] as const;
const VERDICT = ['sarif', 'junit', 'markdown', 'github'] as const;

/** What a command prints besides text and JSON. */
const MORE: Readonly<Record<string, readonly string[]>> = {
  verify: VERDICT,
  scan: VERDICT,
  promote: VERDICT,
  rollback: VERDICT,
  audit: VERDICT,
  'bom validate': VERDICT,
  'bom verify': VERDICT,
  'bom diff': ['markdown'],
  pull: ['sarif', 'junit', 'github'],
  'policy explain': ['sarif', 'junit', 'github'],
  'policy test': ['junit'],
  'dataset diff': ['html'],
  derive: ['markdown'],
  kin: ['markdown'],
  diff: ['markdown'],
  inspect: ['markdown'],
  inventory: ['cyclonedx', 'html'],
  lineage: [...VERDICT, 'mermaid', 'dot', 'html'],
  report: ['markdown', 'html', 'cyclonedx'],
};

/** @param path the words that name the command, such as `bom create` */
export function formatsOf(path: string): readonly string[] {
  return [...ALL, ...(MORE[path] ?? [])];
}

/** One thing to print; `to` is a file, absent: standard output or `-o`. */
export interface Output {
  readonly format: string;
  readonly to?: string;
}

/**
 * `json`, or several at once, of one run: `json=report.json,sarif=findings.sarif,text`. One at most has no file.
 * @throws WeighmarkError `usage` with what there is to choose.
 */
export function readOutputs(text: string, path: string): readonly Output[] {
  const outputs = text.split(',').map((part): Output => {
    const [, format = '', to] = /^([^=]*)(?:=(.*))?$/s.exec(part) ?? [];
    return to === undefined ? { format } : { format, to };
  });
  for (const { format, to } of outputs) {
    requireKnown(format, path);
    if (to === '') throw new WeighmarkError('usage', `--format ${format}= names no file`);
  }
  if (outputs.filter(({ to }) => to === undefined).length > 1)
    throw new WeighmarkError('usage', `--format ${text}: one format is printed, the others need a file`, {
      hint: `say where: --format ${outputs.map(({ format, to }) => `${format}=${to ?? 'FILE'}`).join(',')}`,
    });
  return outputs;
}

function requireKnown(format: string, path: string): void {
  const known = formatsOf(path);
  if (known.includes(format)) return;
  const meant = nearest(format, known);
  throw new WeighmarkError('usage', `\`${path}\` has no format ${format}: it has ${known.join(', ')}`, {
    hint: meant === null ? `\`weighmark ${path} --format json\`` : `did you mean \`--format ${meant}\`?`,
  });
}
