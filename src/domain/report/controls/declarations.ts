import { Buffer } from 'node:buffer';
import { PREDICATES } from '../../claims/predicates.ts';
import { FRAMEWORKS, type Control, type ControlStatus, type EvidenceKind, type Framework } from './catalogue.ts';

export interface JudgedControl {
  readonly control: Control;
  readonly status: ControlStatus;
  /** Of what the control needs, what was verified in this run. */
  readonly held: readonly EvidenceKind[];
}

export interface DeclaredArtifact {
  readonly name: string;
  /** `sha256:` and the digest of its manifest. */
  readonly id: string;
  /** RFC 3339. */
  readonly generated: string;
  readonly toolVersion: string;
  readonly controls: readonly JudgedControl[];
  /** Claims that count, with the SHA-256 of their bundles in hex. */
  readonly claims: readonly {
    readonly title: string;
    readonly signer: string;
    readonly predicateType: string;
    readonly bundle: string;
  }[];
}

/** Which kind of evidence a signed claim is by itself. */
const KINDS: Readonly<Record<string, EvidenceKind>> = {
  [PREDICATES.integrity]: 'signature',
  [PREDICATES.bom]: 'bom',
  [PREDICATES.vulns]: 'scan',
  [PREDICATES.provenance]: 'provenance',
  [PREDICATES.evaluation]: 'evaluation',
  [PREDICATES.approval]: 'approval',
  [PREDICATES.promotion]: 'promotion',
  [PREDICATES.reference]: 'dataset',
};

const ARTIFACT = 'artifact';
const ASSESSOR = 'weighmark';

/**
 * The control table as a CycloneDX 1.7 BOM: `definitions.standards` says what is asked, `declarations` what is claimed, with
 * the evidence that was verified. A score is the share of the evidence held, what is left to
 * people counting as one part that never is; it says nothing of conformity.
 * Source: https://cyclonedx.org/docs/1.7/json/#declarations
 */
export function declarationsBom(artifact: DeclaredArtifact): object {
  const { name, id, generated, toolVersion, controls } = artifact;
  const frameworks = [...new Set(controls.map(({ control }) => control.framework))];
  return {
    $schema: 'http://cyclonedx.org/schema/bom-1.7.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.7',
    version: 1,
    metadata: {
      timestamp: generated,
      tools: { components: [{ type: 'application', name: 'weighmark', version: toolVersion }] },
      component: { type: 'machine-learning-model', 'bom-ref': ARTIFACT, name, version: id },
    },
    definitions: { standards: frameworks.map((framework) => standard(framework, controls)) },
    declarations: {
      assessors: [{ 'bom-ref': ASSESSOR, thirdParty: false, organization: { name: 'weighmark, by machine' } }],
      attestations: frameworks.map((framework) => attestation(framework, controls)),
      claims: controls.filter(isClaimed).map(claim),
      evidence: evidence(artifact),
    },
  };
}

const isClaimed = ({ status }: JudgedControl): boolean => status !== 'human';
const of = (framework: Framework, controls: readonly JudgedControl[]): readonly JudgedControl[] =>
  controls.filter(({ control }) => control.framework === framework);
const requirementRef = ({ framework, id }: Control): string => `requirement:${framework}:${id}`;
const claimRef = ({ framework, id }: Control): string => `claim:${framework}:${id}`;
const evidenceRef = (kind: EvidenceKind): string => `evidence:${kind}`;

function standard(framework: Framework, controls: readonly JudgedControl[]): object {
  const requirements = of(framework, controls).map(({ control }) => ({
    'bom-ref': requirementRef(control),
    identifier: control.id,
    title: control.title,
  }));
  return {
    'bom-ref': `standard:${framework}`,
    name: FRAMEWORKS[framework],
    description: 'Titles are paraphrases; the text of the standard counts.',
    requirements,
  };
}

function attestation(framework: Framework, controls: readonly JudgedControl[]): object {
  return {
    summary: `${FRAMEWORKS[framework]}: what is evidenced. This is no statement of conformity.`,
    assessor: ASSESSOR,
    map: of(framework, controls).map((judged) => ({
      requirement: requirementRef(judged.control),
      ...(isClaimed(judged) ? claimed(judged) : {}),
    })),
  };
}

function claimed({ control, held }: JudgedControl): object {
  const parts = control.needs.length + (control.human === undefined ? 0 : 1);
  const rationale = `${held.length} of ${control.needs.length} kinds of evidence held${control.human === undefined ? '' : `; left to people: ${control.human}`}`;
  return { claims: [claimRef(control)], conformance: { score: held.length / parts, rationale } };
}

function claim({ control, status, held }: JudgedControl): object {
  return {
    'bom-ref': claimRef(control),
    target: ARTIFACT,
    predicate: `${control.title}: ${status}`,
    reasoning: `verified in this run: ${held.join(', ')}`,
    evidence: held.map(evidenceRef),
  };
}

function evidence({ controls, claims, generated }: DeclaredArtifact): readonly object[] {
  const kinds = [...new Set(controls.flatMap(({ held }) => held))].toSorted();
  return kinds.map((kind) => {
    const signed = claims.filter(({ predicateType }) => KINDS[predicateType] === kind);
    const data = signed.map(({ title, signer, bundle }) => ({
      name: `${title} by ${signer}`,
      contents: { url: namedInformation(bundle) },
    }));
    return {
      'bom-ref': evidenceRef(kind),
      propertyName: kind,
      description: `${kind}, as verified by weighmark`,
      created: generated,
      ...(data.length > 0 ? { data } : {}),
    };
  });
}

/** RFC 6920: a name for bytes by their digest. */
function namedInformation(sha256: string): string {
  return `ni:///sha-256;${Buffer.from(sha256, 'hex').toString('base64url')}`;
}
