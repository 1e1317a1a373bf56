import { minimumElements, type ElementResult } from '../../bom/validate/elements.ts';

/** What weighmark can hold as evidence about one artifact; each is present only when it was verified in this run. */
export const EVIDENCE = [
  'signature',
  'digests',
  'bom',
  'tool',
  'version',
  'supplier',
  'timestamp',
  'architecture',
  'interface',
  'licence',
  'dataset',
  'dataset-digest',
  'base-model',
  'software',
  'metrics',
  'energy',
  'scan',
  'provenance',
  'evaluation',
  'approval',
  'promotion',
  'log',
  'policy',
  'inventory',
  'diff',
] as const;
/** An element of the G7 list that the signed BOM holds is evidence of its own: the rows are those of `bom validate`. */
export type EvidenceKind = (typeof EVIDENCE)[number] | `g7:${string}`;

export interface Control {
  readonly framework: Framework;
  readonly id: string;
  readonly title: string;
  /** All of these evidence it; some of them, partly. */
  readonly needs: readonly EvidenceKind[];
  /** What stays for a person whatever is held; such a control is never more than partly evidenced. */
  readonly human?: string;
}

export const FRAMEWORKS = {
  'nist-ai-rmf': 'NIST AI RMF 1.0',
  'iso-42001': 'ISO/IEC 42001:2023 Annex A',
  'eu-ai-act-xi': 'EU AI Act, Annex XI section 1',
  'eu-ai-act-iv': 'EU AI Act, Annex IV',
  'eu-ai-act': 'EU AI Act, articles',
  g7: 'G7/BSI SBOM for AI (2026-05)',
  aisvs: 'OWASP AISVS 1.0',
} as const;
export type Framework = keyof typeof FRAMEWORKS;

type Row = readonly [id: string, title: string, needs: readonly EvidenceKind[], human?: string];

const of = (framework: Framework, rows: readonly Row[]): readonly Control[] =>
  rows.map(([id, title, needs, human]) => ({ framework, id, title, needs, ...(human === undefined ? {} : { human }) }));

const G7_ELEMENTS = minimumElements('g7', {});

/** What `bom validate` leaves to a person, nothing else is evidence of, but for the signature over the BOM itself. */
function g7Row({ id, name, status }: ElementResult): Row {
  if (id === 'MD-05') return [id, 'SBOM author signature', ['signature', 'bom']];
  return status === 'person'
    ? [id, name, [`g7:${id}`], 'where the BOM does not say it, a person must']
    : [id, name, [`g7:${id}`]];
}

/**
 * Which control which evidence serves. Titles are short paraphrases; the frameworks' own texts count. A row says what
 * evidence exists, never that anything conforms.
 */
export const CONTROLS: readonly Control[] = [
  ...of('nist-ai-rmf', [
    ['GOVERN 1.6', 'AI systems are inventoried', ['inventory', 'bom']],
    [
      'GOVERN 6.1',
      'Policies address third-party software and data',
      ['policy', 'licence'],
      'the policy itself is a decision of people',
    ],
    ['MAP 2.1', 'The task and methods are defined', ['bom', 'architecture'], 'intended use is for the owner to state'],
    [
      'MAP 2.3',
      'Data collection and selection are documented',
      ['dataset', 'dataset-digest'],
      'suitability is for people to judge',
    ],
    ['MAP 4.1', 'Legal risk of components is mapped', ['licence', 'base-model', 'dataset']],
    ['MAP 4.2', 'Controls for components are identified', ['scan', 'policy']],
    ['MEASURE 2.1', 'Test sets and metrics are documented', ['evaluation', 'metrics']],
    [
      'MEASURE 2.7',
      'Security and resilience are evaluated',
      ['scan', 'signature', 'digests'],
      'resilience beyond the files needs tests of the system',
    ],
    ['MEASURE 2.8', 'Transparency and accountability are examined', ['log', 'signature']],
    ['MEASURE 2.12', 'Environmental impact is documented', ['energy']],
    ['MANAGE 3.1', 'Third-party resources are monitored', ['log', 'scan', 'promotion']],
    ['MANAGE 3.2', 'Pre-trained models are monitored', ['base-model', 'provenance', 'digests']],
  ]),
  ...of('iso-42001', [
    ['A.4.2', 'Resource documentation', ['bom', 'software']],
    ['A.4.3', 'Data resources', ['dataset', 'dataset-digest']],
    ['A.4.4', 'Tooling resources', ['tool', 'software']],
    [
      'A.6.2.3',
      'Documentation of design and development',
      ['provenance', 'architecture'],
      'design decisions are for the owner to record',
    ],
    ['A.6.2.4', 'Verification and validation', ['evaluation', 'scan']],
    ['A.6.2.5', 'Deployment', ['promotion', 'policy']],
    ['A.6.2.7', 'Technical documentation', ['bom', 'metrics'], 'documentation for users is written by people'],
    ['A.6.2.8', 'Event logs', ['log']],
    ['A.7.2', 'Data for development', ['dataset']],
    ['A.7.3', 'Acquisition of data', ['dataset', 'licence'], 'rights of data subjects are for people to check'],
    ['A.7.5', 'Data provenance', ['provenance', 'dataset-digest']],
    ['A.7.6', 'Data preparation', ['provenance'], 'criteria of preparation are for people to state'],
    ['A.8.2', 'Information for users', ['bom'], 'a model card is not user documentation'],
    ['A.10.3', 'Suppliers', ['supplier', 'signature']],
  ]),
  ...of('eu-ai-act-xi', [
    ['1(a)', 'Tasks and type of systems', ['bom', 'architecture'], 'intended systems are for the provider to state'],
    ['1(b)', 'Acceptable use policies', [], 'written by the provider'],
    ['1(c)', 'Date of release', ['version', 'timestamp']],
    ['1(d)', 'Architecture and number of parameters', ['architecture']],
    ['1(e)', 'Modality and format of inputs and outputs', ['interface']],
    ['1(f)', 'Licence', ['licence']],
    [
      '2(a)',
      'Technical means to integrate the model',
      ['interface', 'software'],
      'instructions of use are for the provider to write',
    ],
    [
      '2(b)',
      'Design and training process',
      ['architecture', 'provenance'],
      'design choices, what it optimises for and why are for the provider to explain',
    ],
    [
      '2(c)',
      'Data used for training, testing and validation',
      ['dataset', 'dataset-digest', 'provenance'],
      'curation and bias measures are for the provider to describe',
    ],
    ['2(d)', 'Computational resources', ['provenance'], 'compute is stated by the provider'],
    ['2(e)', 'Energy consumption', ['energy']],
  ]),
  ...of('eu-ai-act-iv', [
    [
      '1(a)',
      'Intended purpose, provider, version',
      ['version', 'supplier'],
      'intended purpose is for the provider to state',
    ],
    ['1(c)', 'Versions of software', ['version', 'software']],
    ['2(a)', 'Methods and pre-trained systems used', ['base-model', 'provenance']],
    ['2(b)', 'Design specifications', ['architecture'], 'design choices are for the provider to explain'],
    ['2(d)', 'Data provenance', ['dataset', 'dataset-digest', 'provenance']],
    [
      '2(g)',
      'Validation and testing: data, metrics, signed and dated reports',
      ['evaluation', 'metrics', 'signature', 'timestamp'],
      'robustness and discriminatory impact are for the provider to judge',
    ],
    ['6', 'Changes through the lifecycle', ['log', 'diff', 'promotion']],
  ]),
  ...of('eu-ai-act', [
    ['12', 'Record-keeping', ['log'], 'events of the running system are its own to record'],
    [
      '15(1) 15(3)',
      'Accuracy, and its levels and metrics declared',
      ['evaluation', 'metrics'],
      'which level is appropriate is for the provider to decide',
    ],
    [
      '15(5)',
      'Cybersecurity: manipulation of data, of pre-trained components, of the model',
      ['signature', 'digests', 'scan', 'dataset-digest', 'base-model'],
      'resilience of the system as a whole needs tests of it',
    ],
  ]),
  ...of('g7', G7_ELEMENTS.map(g7Row)),
  ...of('aisvs', [
    ['3.1.2', 'Model artifacts are signed', ['signature', 'digests']],
    ['3.1.3', 'Signatures are verified before deployment', ['promotion', 'signature']],
    ['3.5.1', 'Model changes are recorded', ['log']],
    ['6.1.2', 'Third-party artifacts come from allowed sources', ['base-model', 'policy']],
    ['6.1.3', 'Artifact digests are verified', ['digests']],
    ['6.2.1', 'A BOM exists for every model', ['bom']],
    ['6.2.2', 'The BOM is signed before deployment', ['bom', 'signature']],
    ['6.2.3', 'Incomplete BOMs fail the build', ['policy', 'bom']],
  ]),
];

export type ControlStatus = 'evidenced' | 'partly' | 'human';

/** Evidenced only if all it needs is held and nothing is left for a person; with nothing held it is human. */
export function controlStatus(control: Control, held: ReadonlySet<EvidenceKind>): ControlStatus {
  const present = control.needs.filter((kind) => held.has(kind)).length;
  if (present === 0) return 'human';
  return present === control.needs.length && control.human === undefined ? 'evidenced' : 'partly';
}
