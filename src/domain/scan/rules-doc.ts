import type { Rule } from './rules/rule.ts';
import { RULES } from './rules.ts';

const FAMILIES: Readonly<Record<string, string>> = {
  PICKLE: 'Pickle, joblib, NumPy objects, PyTorch',
  ARCHIVE: 'Archives',
  FILE: 'Any file',
  SAFETENSORS: 'Safetensors',
  KERAS: 'Keras',
  HDF5: 'HDF5',
  TF: 'TensorFlow',
  TORCH: 'TorchScript and torch.package',
  ONNX: 'ONNX',
  GGUF: 'GGUF',
  TFLITE: 'TensorFlow Lite',
  SKOPS: 'skops',
  R: 'R objects',
  TEMPLATE: 'Chat templates and prompts',
  TEXT: 'Text',
  CONFIG: 'Configurations',
  CODE: 'Code',
  SECRET: 'Secrets',
  DATA: 'Tables',
  FEED: 'Threat intelligence',
};

/** What makes a finding of each severity, and what each does. */
const SEVERITY_TABLE: readonly string[] = [
  '| severity | what makes it | `scan` | `seal` | hook | gate |',
  '|---|---|---|---|---|---|',
  "| critical | loading runs what the file says, and it is known to do harm: a shell, `eval`, a class that leads out of a sandbox | `block`, exit 1 | refuses | error | as the policy's scan rule says |",
  "| high | loading runs, imports, opens or fetches something that no honest file of the kind needs | `block`, exit 1 | refuses | error | as the policy's scan rule says |",
  "| medium | somebody has to look: what is done also honestly, or a name nobody here knows; the loader itself may refuse it | `review`, exit 0 (1 with `--fail-on medium`) | seals, unless `--fail-on medium` | warning | as the policy's scan rule says |",
  "| low | harmless by itself, and worth knowing; listed with `-v` | `pass`, exit 0 | seals | silent | as the policy's scan rule says |",
  '| info | a fact about the file; listed with `-v` | `pass`, exit 0 | seals | silent | silent |',
  '| incomplete | not a severity: something was not examined, and nothing blocks | `incomplete`, exit 4 | says so | says so | no pass by itself |',
];

/** The rule catalogue as Markdown: `docs/rules.md` is this, and a test holds it there. */
export function rulesMarkdown(): string {
  const sections = Object.entries(FAMILIES).map(([family, title]) => {
    const rules = Object.entries(RULES).filter(([id]) => id.split('-')[1] === family);
    return [`## ${title}`, '', ...rules.flatMap(([id, rule]) => ruleLines(id, rule))].join('\n');
  });
  return [
    '# Scan rules',
    '',
    '<!-- Generated from src/domain/scan/rules; `UPDATE=1 node --test test/domain/scan/rules.test.ts` writes it. -->',
    '',
    'What `weighmark scan` finds. Nothing is loaded, executed, rendered or fetched. The severity is the usual one: circumstances can raise or lower it, and the finding says which.',
    'A file with a finding at high or above is `block`, at medium `review`; one that could not be examined is `incomplete`, never `pass`.',
    '',
    ...SEVERITY_TABLE,
    '',
    'Techniques are those of MITRE ATLAS 5.6.0, weaknesses those of CWE.',
    '',
    ...sections,
  ].join('\n');
}

function ruleLines(id: string, { title, severity, why, fix, atlas, cwe, test }: Rule): string[] {
  const marks = [...atlas, ...cwe.map((number) => `CWE-${number}`)].join(', ');
  return [
    `### ${id}`,
    '',
    `**${title}** · ${severity}${marks === '' ? '' : ` · ${marks}`}`,
    '',
    why,
    '',
    fix,
    '',
    `Test: \`test/domain/scan/${test}\``,
    '',
  ];
}
