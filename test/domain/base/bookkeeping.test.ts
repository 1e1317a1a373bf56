import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bookkeeperOf, bookkeepingText, isBookkeepingLink } from '../../../src/domain/base/bookkeeping.ts';

const HASH = '5d5c3712955042212316173ccf37be';
const LONG = '9292618530dff69125067c2bda2c247fc324724e20e78e76b817691cf898456d';
const RUN = 'wandb/offline-run-20261130_032430-6fr8b0br';

function keeper(path: string, content = ''): string | null {
  return bookkeeperOf(path, (bytes) => Buffer.from(content).subarray(0, bytes));
}

/** The paths as huggingface_hub, DVC 3.63.0 and wandb 0.31.0 made them. */
test('what other tools keep for themselves is known by an exact list of names', () => {
  for (const [path, content, by] of [
    ['.cache/huggingface/download/model.safetensors.metadata', '', 'huggingface_hub'],
    [`.dvc/cache/files/md5/3b/${HASH}`, 'anything', 'DVC'],
    [`.dvc/cache/3b/${HASH}`, 'as DVC 2 has it', 'DVC'],
    [`.dvc/cache/files/md5/56/${HASH}.dir`, '[{"md5": "x", "relpath": "a"}]', 'DVC'],
    [`.dvc/cache/runs/92/${LONG}/${LONG}`, 'cmd: cp a b\n', 'DVC'],
    ['.dvc/tmp/btime', '', 'DVC'],
    ['.dvc/tmp/lock', ' 18049\n', 'DVC'],
    ['.dvc/tmp/rwlock', '{}', 'DVC'],
    [`${RUN}/run-6fr8b0br.wandb`, ':W&B\u0000', 'wandb'],
    [`${RUN}/files/requirements.txt`, 'numpy==2.0\n', 'wandb'],
    [`${RUN}/logs/debug-internal.log`, '{"level":"INFO"}\n', 'wandb'],
  ] as const)
    assert.equal(keeper(path, content), by, path);
});

test('what only lies beside it, or is not what its name says, is content', () => {
  for (const [path, content] of [
    ['.cache/huggingface/download/evil.py', ''],
    ['sub/.cache/huggingface/.gitignore', ''],
    ['.dvc/config', '[core]'],
    ['.dvc/plots/x.json', '{}'],
    ['.dvc/cache/files/md5/3b/model.pkl', ''],
    [`.dvc/cache/files/md5/56/${HASH}.dir`, 'no list'],
    ['.dvc/tmp/rwlock', 'import os'],
    ['.dvc/tmp/lock', '\u0000\u0001'],
    [`${RUN}/run-6fr8b0br.wandb`, 'PK\u0003\u0004'],
    [`${RUN}/files/model.pt`, ''],
    [`${RUN}/files/wandb-summary.json`, '{'],
    ['wandb/__init__.py', ''],
    ['sub/.dvc/tmp/lock', '1'],
  ] as const)
    assert.equal(keeper(path, content), null, path);
});

test('of a workspace’s links only those to wandb’s own runs and log are passed over', () => {
  const leads = (path: string, target: string): boolean => isBookkeepingLink(path, () => target);
  assert.ok(leads('wandb/latest-run', 'offline-run-20261130_032430-6fr8b0br'));
  assert.ok(leads('wandb/debug.log', 'run-20261130_032430-6fr8b0br/logs/debug.log'));
  assert.ok(leads(`${RUN}/logs/debug-core.log`, '/home/ann/.cache/wandb/logs/core-debug-20261130_032430.log'));
  assert.ok(!leads('wandb/latest-run', '../../weights'));
  assert.ok(!leads('wandb/model.pt', 'run-20261130_032430-6fr8b0br/files/model.pt'));
  assert.ok(!leads('latest-run', 'run-1'));
});

test('what was left out is said with its place', () => {
  assert.equal(bookkeepingText([]), null);
  assert.equal(
    bookkeepingText(['.cache/huggingface/.gitignore']),
    "1 file of a download tool's bookkeeping (.cache/huggingface)",
  );
  assert.equal(
    bookkeepingText(['.dvc/tmp/lock', 'wandb/latest-run']),
    '2 files of bookkeeping (.dvc/cache, .dvc/tmp, wandb)',
  );
});
