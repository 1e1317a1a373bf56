import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { WeighmarkError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import { parseStrictYamlObject } from '../base/yaml.ts';
import { yamlPositions } from '../base/yaml-positions.ts';
import { conforms, type Problem } from './conforms.ts';
import { meaningOf } from './meaning.ts';
import { acceptedOf, environmentOf, leafOf, logOf, timeOf, exceptionOf, suppressionOf } from './parse-rules.ts';
import { formerOf, principalOf } from './parse-principal.ts';
import { roleOf } from './parse-role.ts';
import { checkReferences } from './references.ts';
import { POLICY_SCHEMA, SUPPRESSIONS_SCHEMA } from './schema.ts';
import type { Policy } from '../authority/types.ts';
import type { RawPolicy } from './raw.ts';

/**
 * Reads a policy: YAML 1.2 without aliases or tags, conforming to `schemas/policy.schema.json`, every name resolving, no
 * key or identity under two principals. With `suppressionsAlone` a file of suppressions that decides nothing is one too.
 * @throws WeighmarkError `policy-invalid` with every problem in `facts`, `limit-exceeded`.
 */
export function parsePolicy(
  bytes: Uint8Array,
  subject = 'the policy',
  options: { readonly suppressionsAlone?: boolean } = {},
): Policy {
  const raw = parseStrictYamlObject(bytes, { code: 'policy-invalid', subject, maxBytes: LIMITS.policyBytes });
  if (options.suppressionsAlone === true && holdsSuppressionsAlone(raw)) {
    refuse(conforms(SUPPRESSIONS_SCHEMA, raw), subject, bytes);
    return policyOf({ ...NO_DECISIONS, ...raw }, bytes, subject);
  }
  refuse(conforms(POLICY_SCHEMA, raw), subject, bytes);
  const policy = policyOf(raw as unknown as RawPolicy, bytes, subject);
  refuse(checkReferences(policy), subject, bytes);
  return policy;
}

/** What makes a policy one that decides; without any of them it only accepts findings. */
const DECIDING = ['principals', 'roles', 'environments'] as const;

/** A policy that somebody has only begun is missing what decides, not suppressions. */
function holdsSuppressionsAlone(raw: object): boolean {
  return Object.hasOwn(raw, 'suppressions') && DECIDING.every((key) => !Object.hasOwn(raw, key));
}

const NO_DECISIONS = {
  name: 'suppressions',
  version: 1,
  expires: '9999-12-31T00:00:00Z',
  principals: {},
  roles: {},
  environments: [],
} as const;

function policyOf(raw: RawPolicy, bytes: Uint8Array, subject: string): Policy {
  return {
    name: raw.name,
    version: raw.version,
    expires: timeOf(raw.expires),
    digest: digestOf(bytes),
    meaning: meaningOf(raw),
    ...(raw.accepts === undefined ? {} : { accepts: raw.accepts.map(acceptedOf) }),
    principals: Object.entries(raw.principals).map(([name, principal]) => principalOf(name, principal, subject)),
    roles: Object.entries(raw.roles).map(([name, role]) => roleOf(name, role)),
    formerly: (raw.formerly ?? []).map((each) => formerOf(each, subject)),
    bytes,
    environments: raw.environments.map(environmentOf),
    leaves: (raw.leaves ?? []).map(leafOf),
    summaries: raw.summaries ?? [],
    exceptions: (raw.exceptions ?? []).map(exceptionOf),
    suppressions: (raw.suppressions ?? []).map(suppressionOf),
    timestampAuthorities: raw.timestampAuthorities ?? [],
    ...(raw.log === undefined ? {} : { log: logOf(raw.log) }),
  };
}

/** Each with its line and column, as editors and people point. */
function refuse(problems: readonly Problem[], subject: string, bytes: Uint8Array): void {
  const [first] = problems;
  if (first === undefined) return;
  const positionOf = yamlPositions(Buffer.from(bytes).toString());
  const placed = ({ path }: Problem): string => {
    const at = positionOf(path);
    return `${at === null ? '' : `${at.line}:${at.column} `}${path === '' ? '/' : path}`;
  };
  const facts =
    problems.length === 1
      ? {}
      : Object.fromEntries(problems.slice(0, MOST_PROBLEMS).map((each) => [placed(each), each.message]));
  const at = positionOf(first.path);
  const where = `${subject}${at === null ? '' : `:${at.line}:${at.column}`}`;
  throw new WeighmarkError('policy-invalid', `${where}: ${first.path === '' ? '' : `${first.path} `}${first.message}`, {
    subject,
    facts,
  });
}

const MOST_PROBLEMS = 20;

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(Buffer.from(bytes)).digest('hex')}`;
}
