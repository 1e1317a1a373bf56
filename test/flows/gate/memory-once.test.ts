import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memoryOnce } from '../../../src/flows/gate/memory-once.ts';

/** Memories that write down what they are asked. */
function memories(kept: Readonly<Record<string, number>>) {
  const asked: string[] = [];
  const note = async <T>(line: string, value: T): Promise<T> => (asked.push(line), Promise.resolve(value));
  const versions = {
    highest: (line: string) => note(`highest ${line}`, kept[line] ?? null),
    remember: (line: string, version: number) => note(`remember ${line} ${version}`, undefined),
    keptIn: (line: string) => `/state/${line}`,
  };
  const times = {
    newest: (anchors: readonly string[]) => note(`newest ${anchors.join()}`, kept[anchors[0] ?? ''] ?? null),
    remember: (found: ReadonlyMap<string, number>) => note(`remember ${JSON.stringify([...found])}`, undefined),
    forget: () => note('forget', true),
  };
  const take = () => asked.splice(0);
  return { versions, times, take };
}

test('the highest version of a line is asked for once, and only a higher one is kept, which then is the highest', async () => {
  const { versions, take } = memories({ a: 3 });
  const once = memoryOnce({ versions, more: 5 });
  assert.deepEqual([once.more, 'times' in once, once.versions.keptIn('a')], [5, false, '/state/a']);
  assert.deepEqual([await once.versions.highest('a'), await once.versions.highest('a')], [3, 3]);
  for (const version of [2, 3, 4, 4, 5]) await once.versions.remember('a', version);
  assert.equal(await once.versions.highest('a'), 5);
  assert.deepEqual(take(), ['highest a', 'remember a 4', 'remember a 5']);
  assert.deepEqual([await once.versions.highest('new'), await once.versions.highest('new')], [null, null]);
  await once.versions.remember('new', 0);
  assert.deepEqual(take(), ['highest new', 'remember new 0']);
});

test('times are asked for once an anchor; only newer ones are kept, and what is forgotten is asked for anew', async () => {
  const { versions, times, take } = memories({ a: 30, b: 20 });
  const once = memoryOnce({ versions, times }).times;
  assert.equal(await once.newest([]), null);
  assert.equal(await once.newest(['none']), null);
  for (const anchors of [
    ['a', 'b'],
    ['b', 'a'],
    ['none', 'a'],
    ['a', 'none'],
  ])
    assert.equal(await once.newest(anchors), 30, anchors.join());
  assert.deepEqual(take(), ['newest none', 'newest a', 'newest b']);
  await once.remember(
    new Map([
      ['a', 30],
      ['b', 19],
      ['none', 0],
    ]),
  );
  assert.deepEqual(take(), [], 'nothing newer');
  await once.remember(
    new Map([
      ['a', 31],
      ['b', 19],
      ['none', 1],
    ]),
  );
  assert.deepEqual(take(), ['remember [["a",31],["none",1]]']);
  assert.deepEqual([await once.newest(['a']), await once.newest(['b']), await once.newest(['none'])], [31, 20, 1]);
  assert.deepEqual([take(), await once.forget(), await once.newest(['a'])], [[], true, 30]);
  assert.deepEqual(take(), ['forget', 'newest a']);
});
