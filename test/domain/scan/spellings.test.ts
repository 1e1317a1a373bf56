import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scan, told } from './build.ts';
import { AGAIN, REVIEWED_AGAIN } from './spellings-again.ts';
import { BEHIND_AND_UNKNOWN, CONVENTIONS_REVIEWED } from './spellings-behind.ts';
import { CODE_AGAIN, CODE_REVIEWED_AGAIN } from './spellings-code-again.ts';
import { CODE } from './spellings-code.ts';
import { MORE, REVIEWED_MORE } from './spellings-more.ts';
import { PACKAGES } from './spellings-packed.ts';
import { PICKLES, type Spelling } from './spellings-pickle.ts';
import { STATES } from './spellings-state.ts';
import { TEXTS } from './spellings-text.ts';

/** What is also done honestly, and so is for review: nothing else may be less than high or incomplete. */
const REVIEWED = new Set(['an index of its own', 'MLproject runs a command', 'MLflow imports code', 'mixed with data']);

for (const { kind, path, content } of [
  ...PICKLES,
  ...CODE,
  ...TEXTS,
  ...PACKAGES,
  ...MORE,
  ...STATES,
  ...BEHIND_AND_UNKNOWN,
  ...AGAIN,
  ...CODE_AGAIN,
] satisfies readonly Spelling[]) {
  test(`${kind}: ${path}`, async () => {
    const result = await scan(path, content);
    assert.ok(
      [...(REVIEWED.has(kind) ? ['review'] : []), 'block', 'incomplete'].includes(result.verdict),
      told(result),
    );
  });
}

for (const { kind, path, content } of [
  ...REVIEWED_MORE,
  ...CONVENTIONS_REVIEWED,
  ...REVIEWED_AGAIN,
  ...CODE_REVIEWED_AGAIN,
]) {
  test(`${kind}: ${path} is for review`, async () => {
    const result = await scan(path, content);
    assert.equal(result.verdict, 'review', told(result));
  });
}
