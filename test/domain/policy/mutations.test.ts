import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Statement, VerifiedClaim } from '../../../src/domain/claims/types.ts';
import { PROD, codes, decide, facts, honest, policy } from './world.ts';
import { runs } from '../../thorough.ts';

const rules = policy(PROD);
const RUNS = runs(60);

test('the order of claims never matters', async () => {
  const claims = Object.values(await honest());
  fc.assert(
    fc.property(fc.shuffledSubarray(claims, { minLength: 0 }), (some) => {
      const sorted = [...some].toSorted((a, b) => (a.bundle < b.bundle ? -1 : 1));
      assert.deepEqual(codes(decide(facts(some), rules)), codes(decide(facts(sorted), rules)));
    }),
    { numRuns: RUNS },
  );
});

test('no claim can be missing, and more of the same never helps', async () => {
  const claims = Object.values(await honest());
  for (const left of claims) {
    const rest = claims.filter((each) => each !== left);
    assert.notDeepEqual(codes(decide(facts(rest), rules)), [], left.statement.predicateType);
    const doubled = [
      ...rest,
      ...rest.map((each) => ({ ...each, bundle: each.bundle.replace(/^./, (first) => (first === 'a' ? 'b' : 'a')) })),
    ];
    assert.deepEqual(codes(decide(facts(doubled), rules)), codes(decide(facts(rest), rules)));
  }
});

/** Every place in a value, by path. */
function placesIn(value: unknown, path: readonly (string | number)[] = []): readonly (readonly (string | number)[])[] {
  if (typeof value !== 'object' || value === null) return [path];
  const children = Array.isArray(value) ? value.map((each, index) => [index, each] as const) : Object.entries(value);
  return [path, ...children.flatMap(([key, each]) => placesIn(each, [...path, key]))];
}

function changed(value: unknown, path: readonly (string | number)[], change: (at: unknown) => unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return change(value);
  if (Array.isArray(value))
    return value.map((each, index) => (index === key ? changed(each, rest, change) : (each as unknown)));
  return Object.fromEntries(
    Object.entries(value as Record<string, unknown>).flatMap(([name, each]) => {
      if (name !== key) return [[name, each]];
      const now = changed(each, rest, change);
      return now === undefined ? [] : [[name, now]];
    }),
  );
}

const CHANGES: readonly ((at: unknown) => unknown)[] = [
  () => undefined,
  () => null,
  () => '',
  () => 'x',
  () => 0,
  () => [],
  () => ({}),
  () => true,
  (at) => (typeof at === 'string' ? at.toUpperCase() : at),
  (at) => (Array.isArray(at) ? [...(at as unknown[]), ...(at as unknown[])] : at),
  (at) => (typeof at === 'object' && at !== null && !Array.isArray(at) ? { ...at, extra: 'field' } : at),
];

test('a refused set of claims with any field of any claim changed is still refused', async () => {
  const { carol, base, d1, evaluation, ...rest } = await honest();
  const refusedSets: readonly (readonly VerifiedClaim[])[] = [
    Object.values({ ...rest, base, d1, evaluation }),
    Object.values({ ...rest, carol, d1, evaluation }),
    Object.values({ ...rest, carol, base, evaluation }),
    Object.values({ ...rest, carol, base, d1 }),
    [...Object.values({ ...rest, carol, base, d1, evaluation }), failed(evaluation)],
  ];
  fc.assert(
    fc.property(
      fc.constantFrom(...refusedSets),
      fc.nat(),
      fc.nat(),
      fc.constantFrom(...CHANGES),
      (claims, which, where, change) => {
        const index = which % claims.length;
        const chosen = claims[index];
        if (chosen === undefined || blocks(chosen)) return;
        const places = placesIn(chosen.statement).filter((path) => path.length > 0);
        const path = places[where % places.length] ?? [];
        const statement = changed(chosen.statement, path, change) as Statement;
        if (!isReadable(statement)) return;
        const mutated = claims.map((each, at) =>
          at === index ? { ...each, statement, bundle: 'd'.repeat(64), pae: 'd'.repeat(64) } : each,
        );
        assert.notDeepEqual(
          codes(decide(facts(mutated), rules)),
          [],
          `${chosen.statement.predicateType} ${path.join('.')}`,
        );
      },
    ),
    { numRuns: RUNS * 5 },
  );
});

/** What `parseStatement` lets through: the rest never becomes a claim. */
function isReadable({ subject, predicate, predicateType }: Statement): boolean {
  const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value);
  return (
    Array.isArray(subject) &&
    subject.length > 0 &&
    isObject(predicate) &&
    typeof predicateType === 'string' &&
    subject.every(
      (each) =>
        isObject(each) &&
        isObject(each.digest) &&
        Object.values(each.digest).every((digest) => typeof digest === 'string') &&
        (each.name === undefined || typeof each.name === 'string') &&
        (each.annotations === undefined || isObject(each.annotations)),
    )
  );
}

/** Changing the one claim that says no is not tampering with a passing set: its signer would have said something else. */
function blocks({ statement }: VerifiedClaim): boolean {
  return statement.predicate['result'] === 'FAILED';
}

function failed(evaluation: VerifiedClaim): VerifiedClaim {
  const statement = { ...evaluation.statement, predicate: { ...evaluation.statement.predicate, result: 'FAILED' } };
  return { ...evaluation, bundle: 'e'.repeat(64), pae: 'e'.repeat(64), statement };
}

test('claims of unknown types, by anybody, change nothing', async () => {
  const claims = Object.values(await honest());
  const [some] = claims;
  if (some === undefined) return;
  fc.assert(
    fc.property(fc.webUrl(), fc.dictionary(fc.string(), fc.string()), (predicateType, predicate) => {
      const other = {
        ...some,
        bundle: 'c'.repeat(64),
        pae: 'c'.repeat(64),
        statement: { ...some.statement, predicateType, predicate },
      };
      assert.deepEqual(codes(decide(facts([...claims, other]), rules)), []);
      assert.deepEqual(
        codes(decide(facts([...claims.slice(1), other]), rules)),
        codes(decide(facts(claims.slice(1)), rules)),
      );
    }),
    { numRuns: RUNS },
  );
});
