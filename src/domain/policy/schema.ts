import { PREDICATES, ROLES, STEPS } from '../claims/predicates.ts';
import { BOM_ELEMENTS, EXCEPTABLE, SEVERITIES, SHOWN_STEPS } from '../authority/types.ts';

export const MAX_POLICY_VERSION = 1_000_000_000;

/** The part of JSON Schema 2020-12 that the policy needs; `conforms` reads exactly these words. */
export interface Schema {
  readonly $schema?: string;
  readonly $id?: string;
  readonly title?: string;
  readonly description?: string;
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'boolean';
  readonly const?: string;
  readonly enum?: readonly string[];
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema | false;
  readonly propertyNames?: Schema;
  readonly minProperties?: number;
  readonly items?: Schema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly anyOf?: readonly Schema[];
}

type Properties = Readonly<Record<string, Schema>>;

const NAME: Schema = { type: 'string', pattern: '^[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?$' };
const POLICY_NAME: Schema = { type: 'string', pattern: '^[a-z0-9]([a-z0-9._/-]{0,126}[a-z0-9])?$' };
const TEXT: Schema = { type: 'string', minLength: 1, maxLength: 2000 };
const LONG_TEXT: Schema = { type: 'string', minLength: 1, maxLength: 65_536 };
const REASON: Schema = {
  type: 'string',
  minLength: 3,
  maxLength: 500,
  pattern: '\\S[\\s\\S]*\\S',
  description: 'Why, for the auditor',
};
const DURATION: Schema = {
  type: 'string',
  pattern: '^[1-9][0-9]{0,4}[mhd]$',
  description: 'Minutes, hours or days: 15m, 12h, 30d',
};
const TIME: Schema = {
  type: 'string',
  pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)?$',
  description: 'UTC: 2027-01-31 or 2027-01-31T12:00:00Z',
};
const DIGEST: Schema = { type: 'string', pattern: '^sha256:[0-9a-f]{64}$' };
const HEX: Schema = { type: 'string', pattern: '^[0-9a-f]{64}$' };
const INPUT_ROLE: Schema = { type: 'string', enum: ROLES };
const CEL: Schema = {
  type: 'string',
  minLength: 1,
  maxLength: 4096,
  description: 'A CEL expression over verified data; anything but true refuses',
};

const URI: Schema = { type: 'string', pattern: '^https?://[!-~]{1,500}$', description: 'A URI' };
const CLAIM_NAMES = Object.keys(PREDICATES);
const CLAIM: Schema = {
  anyOf: [{ type: 'string', enum: CLAIM_NAMES }, URI],
  description: 'A short name or a predicate type URI',
};
const SIGNABLE: Schema = {
  anyOf: [{ type: 'string', enum: [...CLAIM_NAMES, ...STEPS, 'file-signature'] }, URI],
  description:
    'A claim or a build step by its short name, or a predicate type URI; file-signature: the bytes of a single file',
};

function list(items: Schema, minItems = 1): Schema {
  return { type: 'array', items, minItems, maxItems: 1000 };
}

function object(required: readonly string[], properties: Properties, description?: string): Schema {
  return {
    type: 'object',
    required,
    properties,
    additionalProperties: false,
    ...(description === undefined ? {} : { description }),
  };
}

function mapOf(values: Schema, description: string): Schema {
  return { type: 'object', propertyNames: NAME, additionalProperties: values, minProperties: 1, description };
}

const CI: Schema = object(['repository'], {
  repository: { type: 'string', minLength: 3, maxLength: 300, pattern: '^[A-Za-z0-9._/-]+$' },
  repositoryId: { type: 'string', pattern: '^[0-9]{1,20}$' },
  trigger: TEXT,
  workflow: TEXT,
  ref: TEXT,
  environment: TEXT,
});

const ANCHORS: Properties = {
  keys: list({ ...LONG_TEXT, description: 'A public key: PEM, or the base64 of its DER on one line' }),
  identities: list(
    object(
      ['issuer'],
      { issuer: TEXT, identity: TEXT, pattern: TEXT, trustedRoot: LONG_TEXT },
      'A Sigstore identity, compared byte for byte',
    ),
  ),
  github: list(CI),
  gitlab: list(CI),
  certificates: list(object(['chain', 'identity'], { chain: LONG_TEXT, identity: TEXT })),
};

const PRINCIPAL: Schema = object(
  [],
  { ids: list(TEXT), ...ANCHORS },
  'One person or workload, with everything it signs with',
);

const FORMER: Schema = object(
  ['name', 'until'],
  { name: NAME, until: TIME, roles: list(NAME), ...ANCHORS },
  'Somebody whose revocations, withdrawals and failed evaluations, signed until then, keep counting; nothing else does',
);

const ROLE: Schema = {
  anyOf: [
    list(NAME),
    object(['principals'], {
      principals: list(NAME),
      signs: list(SIGNABLE),
      builds: list(URI),
      models: list(TEXT),
      vouches: list(INPUT_ROLE),
    }),
  ],
  description: 'Principals, or principals with what they sign, for which models',
};

const NAMES_RULE: Schema = object([], { allow: list(TEXT), deny: list(TEXT) });

const REQUIRED_CLAIM: Schema = {
  anyOf: [CLAIM, object(['claim'], { claim: CLAIM, role: NAME, maxAge: DURATION, where: CEL })],
};

const ENVIRONMENT: Schema = object(['name'], {
  name: NAME,
  after: NAME,
  require: list(REQUIRED_CLAIM, 0),
  approvals: {
    anyOf: [
      { type: 'integer', minimum: 1, maximum: 100 },
      object(['count'], { count: { type: 'integer', minimum: 1, maximum: 100 }, role: NAME, maxAge: DURATION }),
    ],
  },
  separation: list({ type: 'array', items: NAME, minItems: 2, maxItems: 20 }, 0),
  lineage: object([], {
    required: { type: 'boolean' },
    maxDepth: { type: 'integer', minimum: 1, maximum: 64 },
    maxAge: DURATION,
  }),
  licences: NAMES_RULE,
  datasets: object([], { licences: NAMES_RULE, require: list(REQUIRED_CLAIM) }),
  formats: NAMES_RULE,
  closure: { type: 'string', enum: ['covered'] },
  removedRecords: { type: 'string', enum: ['refuse'] },
  workerDigests: {
    type: 'string',
    enum: ['refuse'],
    description: 'Somebody whose BOM counts must have read every file',
  },
  derivation: {
    ...object([], {
      ...Object.fromEntries(SHOWN_STEPS.map((step) => [step, { type: 'string', enum: ['recomputed', 'nearest'] }])),
      role: NAME,
    }),
    description: 'By step, what must be shown of it along the lineage: a claim of it alone does not do',
  },
  scan: object([], { failOn: { type: 'string', enum: SEVERITIES }, role: NAME, maxAge: DURATION }),
  bom: object(['minimum'], { minimum: list({ type: 'string', enum: BOM_ELEMENTS }) }),
  assert: list(object(['cel', 'message'], { cel: CEL, message: TEXT })),
  maxAge: DURATION,
  revocations: object([], {
    required: { type: 'boolean' },
    complete: { type: 'boolean', description: 'The snapshot counts the revocations in force, and those are all here' },
    reinstate: { type: 'integer', minimum: 1, maximum: 100 },
  }),
});

const LEAF: Schema = object(['sha256', 'role', 'reason', 'expires'], {
  sha256: HEX,
  role: INPUT_ROLE,
  reason: REASON,
  expires: TIME,
});
const SUMMARY: Schema = object(['principal', 'environment', 'policies'], {
  principal: NAME,
  environment: NAME,
  policies: list(DIGEST),
});
const EXCEPTION: Schema = object(['code', 'id', 'environment', 'reason', 'expires'], {
  code: { type: 'string', enum: EXCEPTABLE },
  id: DIGEST,
  environment: NAME,
  reason: REASON,
  expires: TIME,
});

const SUPPRESSION: Schema = object(
  ['rule', 'reason', 'expires'],
  {
    rule: { type: 'string', pattern: '^WM-[A-Z0-9]+-[0-9]{3}$', description: 'A scan rule' },
    path: { ...TEXT, description: 'A glob over paths inside the artifact' },
    sha256: HEX,
    models: list(TEXT),
    reason: REASON,
    expires: TIME,
  },
  'A scan finding that is accepted: shown, and not counted',
);

const ACCEPTED: Schema = object(
  ['digest', 'until'],
  { digest: DIGEST, until: TIME },
  'An earlier policy whose promotions count where they are, until then: at most 30 days ahead, and never for revocations',
);

const LOG: Schema = object(['key'], {
  key: TEXT,
  maxAge: DURATION,
  witnesses: object(['keys', 'quorum'], { keys: list(TEXT), quorum: { type: 'integer', minimum: 1, maximum: 100 } }),
});

/** `schemas/policy.schema.json` is this, byte for byte as JSON with two spaces: what editors and `parsePolicy` both read. */
export const POLICY_SCHEMA: Schema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  $id: 'https://weighmark.dev/schemas/policy.schema.json',
  title: 'weighmark policy',
  ...object(['format', 'name', 'version', 'expires', 'principals', 'roles', 'environments'], {
    $schema: { type: 'string', maxLength: 500 },
    format: { type: 'string', const: 'weighmark-policy/1' },
    name: POLICY_NAME,
    version: { type: 'integer', minimum: 1, maximum: MAX_POLICY_VERSION, description: 'Grows with every change' },
    expires: TIME,
    principals: mapOf(PRINCIPAL, 'People and workloads, by name'),
    roles: mapOf(ROLE, 'Who may say what'),
    accepts: list(ACCEPTED, 0),
    formerly: list(FORMER, 0),
    environments: { ...list(ENVIRONMENT), maxItems: 20, description: 'In order of promotion' },
    leaves: list(LEAF, 0),
    summaries: list(SUMMARY, 0),
    exceptions: list(EXCEPTION, 0),
    suppressions: list(SUPPRESSION, 0),
    log: LOG,
    timestampAuthorities: {
      ...list(LONG_TEXT),
      description: 'Certificate chains (PEM) of the RFC 3161 authorities whose times count',
    },
  }),
};

/** A policy of those who only scan: what they accept, until when, and why. */
export const SUPPRESSIONS_SCHEMA: Schema = object(['format', 'suppressions'], {
  $schema: { type: 'string', maxLength: 500 },
  format: { type: 'string', const: 'weighmark-policy/1' },
  name: POLICY_NAME,
  version: { type: 'integer', minimum: 1, maximum: 1_000_000_000 },
  expires: TIME,
  suppressions: list(SUPPRESSION, 0),
});
