import { canonicalJson, isJsonObject, type Json } from '../../base/json.ts';
import { isSpdxExpression } from '../../metadata/licence.ts';
import { purlProblem } from '../../metadata/purl.ts';
import { places, valueAt, type Place } from './walk.ts';

/** Something wrong with a BOM, and where. */
export interface BomProblem {
  /** RFC 6901 pointer into the BOM. */
  readonly pointer: string;
  readonly message: string;
  /** The rule that says so: `schema`, or one of ours. */
  readonly rule: BomRule;
  /** A warning does not make the BOM invalid: official examples do the same. */
  readonly severity: 'error' | 'warning';
}

export type BomRule =
  | 'schema'
  | 'bom-ref-unique'
  | 'reference-dangling'
  | 'citation-pointer'
  | 'digest-length'
  | 'purl-syntax'
  | 'spdx-expression';

/**
 * What the schema cannot say: every bom-ref names one thing, every reference something that is there, every citation
 * pointer resolves, digests have their algorithm's length, purls and SPDX expressions their syntax.
 */
export function checkBom(bom: Json): readonly BomProblem[] {
  const all = [...places(bom)];
  const refs = all.filter(isRef);
  const known = new Set(refs.map(({ value }) => value as string));
  return [
    ...duplicateRefs(refs, bom),
    ...all.flatMap((place) => danglingReference(place, known)),
    ...all.flatMap((place) => badPointer(place, bom)),
    ...all.flatMap(badDigest),
    ...all.flatMap(badPurl),
    ...all.flatMap(badExpression),
  ];
}

function isRef({ value, pointer, keys }: Place): boolean {
  return typeof value === 'string' && pointer.endsWith('/bom-ref') && !isFreeForm(keys);
}

/** JSF signatures and attachments may hold anything. */
function isFreeForm(keys: string): boolean {
  return /(?:^|\.)signature(?:\.|$)/.test(keys);
}

function duplicateRefs(refs: readonly Place[], bom: Json): readonly BomProblem[] {
  const first = new Map<string, string>();
  return refs.flatMap(({ value, pointer }) => {
    const other = first.get(value as string);
    if (other === undefined) first.set(value as string, pointer);
    if (other === undefined) return [];
    const severity = isFormulaOf(other, pointer) || isRepeat(other, pointer, bom) ? 'warning' : 'error';
    return [
      {
        pointer,
        rule: 'bom-ref-unique' as const,
        severity,
        message: `the bom-ref ${quoted(value)} is already at ${other}`,
      },
    ];
  });
}

/** The same thing, member for member, in one list twice. */
function isRepeat(one: string, other: string, bom: Json): boolean {
  const holders = [one, other].map((pointer) => pointer.slice(0, -'/bom-ref'.length));
  const [list, same] = holders.map((holder) => holder.slice(0, holder.lastIndexOf('/')));
  if (list !== same) return false;
  const [a, b] = holders.map((holder) => canonicalJson(valueAt(bom, holder) ?? null));
  return a === b;
}

/** A formula and a workflow of its own may share a name: the official examples do. */
function isFormulaOf(formula: string, workflow: string): boolean {
  return (
    /^\/formulation\/\d+\/bom-ref$/.test(formula) &&
    workflow.startsWith(`${formula.slice(0, -'bom-ref'.length)}workflows/`)
  );
}

/** Where a value is the bom-ref of something in this BOM, by the keys that lead to it. */
const REFERENCES: readonly RegExp[] = [
  /^dependencies\.(?:ref|dependsOn|provides)$/,
  /^compositions\.(?:assemblies|dependencies|vulnerabilities)$/,
  /\.modelCard\.modelParameters\.datasets\.ref$/,
  /^citations\.(?:attributedTo|process)$/,
  /^annotations\.subjects$/,
  /^vulnerabilities\.affects\.ref$/,
  /^declarations\.claims\.(?:target|mitigationStrategies|evidence|counterEvidence)$/,
  /^declarations\.attestations\.(?:assessor|map\.claims)$/,
];

/** References that official examples leave open: standards, tools and resources may be described elsewhere. */
const LOOSE: readonly RegExp[] = [
  /(?:^|\.)evidence\.identity\.tools$/,
  /^declarations\.attestations\.map\.(?:requirement|counterClaims)$/,
  /^formulation\.(?:workflows\.)?(?:tasks\.)?(?:resourceReferences|(?:inputs|outputs)\.(?:source|target|resource))\.ref$/,
];

function danglingReference({ value, pointer, keys }: Place, known: ReadonlySet<string>): readonly BomProblem[] {
  if (typeof value !== 'string' || known.has(value) || value.startsWith('urn:cdx:')) return [];
  const strict = REFERENCES.some((pattern) => pattern.test(keys));
  if (!strict && !LOOSE.some((pattern) => pattern.test(keys))) return [];
  return [
    {
      pointer,
      rule: 'reference-dangling',
      severity: strict ? 'error' : 'warning',
      message: `${quoted(value)} is no bom-ref of this BOM`,
    },
  ];
}

function badPointer({ value, pointer, keys }: Place, bom: Json): readonly BomProblem[] {
  if (keys !== 'citations.pointers' || typeof value !== 'string' || valueAt(bom, value) !== undefined) return [];
  return [
    { pointer, rule: 'citation-pointer', severity: 'error', message: `${quoted(value)} points at nothing in this BOM` },
  ];
}

/** Hex digits of each algorithm CycloneDX knows; BLAKE3 may be longer than its default of 64. */
const HEX_DIGITS = new Map<string, readonly number[]>([
  ['MD5', [32]],
  ['SHA-1', [40]],
  ['SHA-256', [64]],
  ['SHA-384', [96]],
  ['SHA-512', [128]],
  ['SHA3-256', [64]],
  ['SHA3-384', [96]],
  ['SHA3-512', [128]],
  ['BLAKE2b-256', [64]],
  ['BLAKE2b-384', [96]],
  ['BLAKE2b-512', [128]],
  ['BLAKE3', [64, 96, 128]],
  ['Streebog-256', [64]],
  ['Streebog-512', [128]],
]);

function badDigest({ value, pointer, keys }: Place): readonly BomProblem[] {
  if (!isJsonObject(value) || !/(?:^|\.)hashes$/.test(keys)) return [];
  const [alg, content] = [value['alg'], value['content']];
  if (typeof alg !== 'string') return [];
  const digits = HEX_DIGITS.get(alg);
  if (digits === undefined || typeof content !== 'string' || digits.includes(content.length)) return [];
  return [
    {
      pointer: `${pointer}/content`,
      rule: 'digest-length',
      severity: 'error',
      message: `${alg} has ${digits.join(' or ')} hex digits, not ${content.length}`,
    },
  ];
}

function badPurl({ value, pointer, keys }: Place): readonly BomProblem[] {
  if (typeof value !== 'string' || !pointer.endsWith('/purl') || isFreeForm(keys)) return [];
  const problem = purlProblem(value);
  return problem === null
    ? []
    : [{ pointer, rule: 'purl-syntax', severity: 'error', message: `${quoted(value)} is no package URL: ${problem}` }];
}

function badExpression({ value, pointer, keys }: Place): readonly BomProblem[] {
  if (typeof value !== 'string' || !/(?:^|\.)licenses\.expression$/.test(keys) || isSpdxExpression(value)) return [];
  return [
    { pointer, rule: 'spdx-expression', severity: 'error', message: `${quoted(value)} is no SPDX licence expression` },
  ];
}

function quoted(value: Json): string {
  return JSON.stringify(value).slice(0, 200);
}
