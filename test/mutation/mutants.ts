import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { instrument, type Mutant } from './operators.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Where a wrong line is a wrong yes. */
export const ROOMS = [
  'src/domain/authority',
  'src/domain/policy',
  'src/domain/claims',
  'src/domain/lineage',
  'src/domain/trust',
  'src/domain/tlog',
  'src/domain/registry',
  'src/flows/gate',
  'src/flows/verify',
] as const;

const ofLog = (...names: readonly string[]): readonly string[] =>
  names.map((name) => `test/domain/tlog/${name}.test.ts`);
const NOTES = ofLog('note', 'note-bounds', 'refusals', 'spec');

/**
 * Files of which nothing may be changed without a test noticing, and the tests that notice, fast enough for every run of CI
 * (`--held`). The list grows until it is the rooms.
 */
export const HELD: Readonly<Record<string, string | readonly string[]>> = {
  'src/domain/authority/copies.ts': [
    'test/domain/authority/authority.test.ts',
    'test/domain/authority/revocations.test.ts',
  ],
  'src/domain/authority/people.ts': 'test/domain/authority/people.test.ts',
  'src/domain/authority/polarity.ts': 'test/domain/authority/polarity.test.ts',
  'src/domain/authority/reach.ts': 'test/domain/authority/reach.test.ts',
  'src/domain/authority/revocation.ts': 'test/domain/authority/people.test.ts',
  'src/domain/authority/snapshot.ts': 'test/domain/authority/{authority,snapshot}.test.ts',
  'src/domain/authority/time.ts': 'test/domain/authority/time.test.ts',
  'src/domain/authority/vsa.ts': 'test/domain/authority/vsa.test.ts',
  'src/domain/claims/binding.ts': 'test/domain/claims/binding.test.ts',
  'src/domain/claims/loose-envelope.ts': 'test/domain/claims/{limits,readers,whole}.test.ts',
  'src/domain/claims/verify-signature.ts': 'test/domain/claims/{bundle,limits,readers,whole}.test.ts',
  'src/domain/lineage/edges.ts': 'test/domain/lineage/steps.test.ts',
  'src/domain/lineage/provenance.ts': 'test/domain/lineage/steps.test.ts',
  'src/domain/lineage/walk.ts': 'test/domain/lineage/ancestry.test.ts',
  'src/domain/policy/orphans.ts': 'test/domain/policy/orphans.test.ts',
  'src/domain/policy/separation.ts': 'test/domain/policy/separation.test.ts',
  'src/domain/registry/inputs.ts': 'test/domain/registry/attached.test.ts',
  'src/domain/registry/lists.ts': 'test/domain/registry/attached.test.ts',
  'src/domain/registry/outboards.ts': 'test/domain/registry/attached.test.ts',
  'src/domain/registry/reference.ts': 'test/domain/registry/{attached,reference}.test.ts',
  'src/domain/registry/referrer.ts': 'test/domain/registry/attached.test.ts',
  'src/domain/tlog/append.ts': ofLog('bounds', 'refusals'),
  'src/domain/tlog/audit.ts': ofLog('bounds', 'continuity', 'refusals'),
  'src/domain/tlog/checkpoint.ts': NOTES,
  'src/domain/tlog/continuity.ts': ['test/domain/tlog/continuity.test.ts', ...NOTES],
  'src/domain/tlog/leaf.ts': 'test/domain/tlog/leaf.test.ts',
  'src/domain/tlog/merkle.ts': ofLog('bounds', 'merkle', 'refusals'),
  'src/domain/tlog/note.ts': NOTES,
  'src/domain/tlog/proof.ts': NOTES,
  'src/domain/tlog/quorum.ts': NOTES,
  'src/domain/tlog/read.ts': ofLog('columns', 'read', 'refusals'),
  'src/domain/tlog/tiles.ts': ofLog('bounds', 'merkle', 'refusals'),
  'src/domain/trust/log-binding.ts': 'test/domain/trust/bound.test.ts',
  'src/domain/trust/match.ts': ['test/domain/trust/{judged,match}.test.ts', 'test/advisories/identity.test.ts'],
  'src/domain/trust/timestamp-authority.ts': ['test/domain/trust/times.test.ts', 'test/advisories/time.test.ts'],
};

/**
 * Of a seeded tenth of a room's mutants none is left that no test notices and nobody explained: these are the tests that notice, in as
 * much time as CI has (`--tenth`). None of them starts a command: each mutant may run all that come by it.
 */
export const TENTHS: Readonly<Record<(typeof ROOMS)[number], readonly string[]>> = {
  'src/domain/trust': [
    'test/domain/trust/*.test.ts',
    'test/domain/{claims/bundle,policy/attacks,policy/parse}.test.ts',
    'test/advisories/{identity,log-entry,malformed,time}.test.ts',
    'test/adapters/{config/config,trust-store/trust-store}.test.ts',
    'test/security/{denials-door,signed-name}.test.ts',
  ],
  'src/domain/authority': [
    'test/domain/authority/*.test.ts',
    'test/domain/{policy/attacks,policy/edges,policy/orphans,policy/parse,registry/refusals}.test.ts',
    'test/security/{denials-door,denials-taken-back,one-key,rule-02-wrong-signer,rule-19-revoked}.test.ts',
  ],
  'src/domain/lineage': [
    'test/domain/lineage/*.test.ts',
    'test/domain/policy/{attacks,derivation-rule,edges,mutations,rules}.test.ts',
    'test/security/{denials-door,lineage-rests-on,rule-15-summary}.test.ts',
  ],
  'src/flows/verify': [
    'test/flows/verify/{bookkeeping,bounds,export,file-signatures,said,verify,ways}.test.ts',
    'test/security/partial.test.ts',
  ],
  'src/flows/gate': [
    'test/flows/gate/{answers,decisions,earlier-policies,ends,environment,gate-content,gather,lineage,memory-once,policy-load,promote,promote-all}.test.ts',
    'test/security/{denials-door,denials-outlive,denials-unlogged}.test.ts',
  ],
  'src/domain/tlog': ['test/domain/tlog/*.test.ts'],
  'src/domain/registry': ['test/domain/registry/*.test.ts'],
  'src/domain/claims': [
    'test/domain/claims/*.test.ts',
    'test/domain/policy/{attacks,derivation-rule,orphans}.test.ts',
    'test/domain/{authority/reach,registry/refusals,trust/proven}.test.ts',
    'test/{advisories/claims,security/denials-door}.test.ts',
  ],
  'src/domain/policy': [
    'test/domain/policy/!(mutations|recipes|scale).test.ts',
    'test/flows/data/removal.test.ts',
    'test/security/rule-{18-log-freshness-unknown,25-cel}.test.ts',
  ],
};

/** All mutants of all rooms, numbered in one order; with a folder, the sources with the switch are written there. */
export function mutantsOf(rooms: readonly string[], folder: string | null): readonly Mutant[] {
  const all: Mutant[] = [];
  for (const room of rooms)
    for (const path of globSync(`${room}/**/*.ts`, { cwd: ROOT }).toSorted()) {
      const { mutants, text } = instrument(path, readFileSync(join(ROOT, path), 'utf8'), all.length);
      for (const mutant of mutants) all.push(mutant);
      if (folder === null) continue;
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, `${path}.js`), text);
    }
  return all;
}

/**
 * A seeded part of them, by the mutant's own words and its number among those that have the same: others come and go, and lines move,
 * without changing it.
 */
export function shareOf(mutants: readonly Mutant[], share: number, seed: number): readonly Mutant[] {
  const counts = new Map<string, number>();
  return mutants.filter((mutant) => {
    const key = keyOf(mutant);
    const before = counts.get(key) ?? 0;
    counts.set(key, before + 1);
    return hash(`${seed} ${key} ${before}`) < share * 2 ** 32;
  });
}

/** How a list of explained mutants names one: not by its line, which moves. */
export function keyOf({ path, operator, text, instead }: Mutant): string {
  return `${path} | ${operator} | ${text} | ${instead}`;
}

/** FNV-1a. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const char of text) value = Math.imul(value ^ (char.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  return value;
}
