import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Accepted, Case } from '../../../src/domain/policy/facts.ts';
import { checkSeparation, joinActors, type Actors } from '../../../src/domain/policy/separation.ts';

const under = (...separation: readonly (readonly string[])[]): Case =>
  ({ environment: { separation }, facts: { id: 'sha256:x' }, personOf: sameAs() }) as unknown as Case;
const sameAs =
  (names: Readonly<Record<string, string>> = {}) =>
  (name: string) =>
    names[name] ?? name;
const actors = (of: Readonly<Record<string, readonly string[]>>): Actors =>
  new Map(Object.entries(of).map(([role, people]) => [role, new Set(people)]));
const told = (of: Case, who: Actors): readonly string[] => checkSeparation(of, who).map(({ message }) => message);

test('roles kept apart meet in nobody: each who holds two is told once, by name, with the roles', () => {
  const all = actors({ trainer: ['anna', 'bob'], approver: ['bob', 'carol'], promoter: ['anna', 'ci'] });
  assert.deepEqual(told(under(), all), []);
  assert.deepEqual(told(under(['trainer', 'approver']), all), ['bob acted as trainer and approver']);
  assert.deepEqual(told(under(['trainer', 'approver', 'promoter']), all), [
    'anna acted as trainer and promoter',
    'bob acted as trainer and approver',
  ]);
  assert.deepEqual(told(under(['approver', 'promoter']), all), []);
  assert.deepEqual(told(under(['trainer', 'trainer']), all), [], 'one role is not two');
  assert.deepEqual(told(under(['trainer', 'evaluator']), all), [], 'nobody acted in it');
  assert.equal(checkSeparation(under(['trainer', 'approver']), all)[0]?.code, 'separation-of-duties');
  assert.equal(told(under(['trainer', 'approver'], ['trainer', 'promoter']), all).length, 2);
});

test('one person under two names meets themselves, and is told once', () => {
  const one = { ...under(['trainer', 'approver']), personOf: sameAs({ anna: 'anna and ben', ben: 'anna and ben' }) };
  assert.deepEqual(told(one, actors({ trainer: ['anna', 'ben'], approver: ['ben', 'carol'] })), [
    'anna and ben acted as trainer and approver',
  ]);
  assert.deepEqual(told(one, actors({ trainer: ['anna', 'ben'], approver: ['carol'] })), []);
});

test('who signed what a decision rests on acted too, in each of their roles; so did the promoter', () => {
  const used = [
    { roles: ['evaluator', 'scanner'], principal: 'erin' },
    { roles: ['trainer'], principal: 'bob' },
  ] as unknown as readonly Accepted[];
  const lineage = actors({ trainer: ['anna'] });
  const joined = joinActors(lineage, used, 'ci');
  assert.deepEqual(
    [...joined].map(([role, people]) => [role, ...people]),
    [
      ['trainer', 'anna', 'bob'],
      ['evaluator', 'erin'],
      ['scanner', 'erin'],
      ['promoter', 'ci'],
    ],
  );
  assert.deepEqual([...(lineage.get('trainer') ?? [])], ['anna'], 'what was given is not changed');
  assert.equal(joinActors(lineage, used).has('promoter'), false);
});
