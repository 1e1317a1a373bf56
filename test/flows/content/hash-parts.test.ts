import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { PART_SEGMENT_BYTES } from '../../../src/domain/digest/parts.ts';
import { BARE, PROGRAM } from '../../program.ts';

let folder = '';

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'weighmark-parts-'));
  mkdirSync(join(folder, 'model/sub'), { recursive: true });
  const large = Buffer.alloc(3 * PART_SEGMENT_BYTES + 12_345);
  for (let at = 0; at < large.length; at += 997) large.writeUInt8((at * 31) & 0xff, at);
  writeFileSync(join(folder, 'model/large.bin'), large);
  writeFileSync(join(folder, 'model/exact.bin'), large.subarray(0, PART_SEGMENT_BYTES));
  writeFileSync(join(folder, 'model/empty'), '');
  for (let at = 0; at < 9; at += 1) writeFileSync(join(folder, `model/sub/${at}\\n`), `file ${at}`);
});
after(() => rmSync(folder, { recursive: true, force: true }));

function run(words: readonly string[], kernel = 'wasm'): { status: number | null; stdout: string; stderr: string } {
  const env = { ...BARE, HOME: folder, WEIGHMARK_KERNEL: kernel };
  return spawnSync(process.execPath, [PROGRAM, 'hash', ...words], { cwd: folder, env, encoding: 'utf8' });
}

for (const words of [[], ['--algorithm', 'sha256'], ['--algorithm', 'sha256', '--algorithm', 'blake3']])
  test(`many workers find what one finds ${words.join(' ')}`, () => {
    const parts = [1, 2, 3, 4].map((part) => {
      const file = `part-${words.length}-${part}`;
      const kernel = part === 2 ? {} : { kernel: 'wasm' };
      const { status, stderr } = run(
        ['model', 'model/empty', ...words, '--part', `${part}/4`, '-o', file],
        kernel.kernel ?? '',
      );
      assert.equal(status, 0, stderr);
      return file;
    });
    const one = run(['model', 'model/empty', ...words]);
    assert.equal(one.status, 0);
    assert.equal(run(['--join', ...parts.toReversed(), parts[0] ?? '']).stdout, one.stdout);
  });

test('a worker that fails leaves no part, and what is missing is said', () => {
  const failed = run(['model', 'nowhere', '--part', '1/2', '-o', 'failed']);
  assert.notEqual(failed.status, 0);
  assert.equal(existsSync(join(folder, 'failed')), false);
  assert.equal(run(['model', '--part', '1/2', '-o', 'first']).status, 0);
  const joined = run(['--join', 'first']);
  assert.deepEqual([joined.status, joined.stdout], [2, '']);
  assert.match(joined.stderr, /part 2 of 2 is not there/);
});

test(
  'the worker of the examples, as Slurm and Kubernetes start it; one killed, one repeated',
  { skip: process.platform === 'win32' },
  () => {
    const worker = join(import.meta.dirname, '../../../examples/scale/weights-worker.sh');
    const node = `${process.execPath} ${PROGRAM}`;
    const work = (parts: string, env: Record<string, string>) =>
      spawnSync('sh', [worker, 'model', parts], {
        cwd: folder,
        env: { ...BARE, HOME: folder, WEIGHMARK: node, ...env },
      }).status;
    const array = { SLURM_ARRAY_TASK_MIN: '5', SLURM_ARRAY_TASK_COUNT: '3' };
    mkdirSync(join(folder, 'slurm'));
    // What a kill leaves: the beginning of a file under another name.
    writeFileSync(join(folder, 'slurm/.2.0123456789ab.tmp'), '{"format":"weigh');
    for (const task of ['7', '5', '6', '5']) assert.equal(work('slurm', { ...array, SLURM_ARRAY_TASK_ID: task }), 0);
    for (const index of ['1', '0', '2'])
      assert.equal(work('kubernetes', { JOB_COMPLETION_INDEX: index, WORKERS: '3' }), 0);
    const one = run(['model']).stdout;
    for (const parts of ['slurm', 'kubernetes'])
      assert.equal(run(['--join', ...[1, 2, 3].map((part) => `${parts}/${part}`)]).stdout, one);
  },
);

test('a part that was tampered with joins to other digests or to none', () => {
  for (const part of [1, 2]) run(['model', '--part', `${part}/2`, '-o', `t${part}`]);
  const text = readFileSync(join(folder, 't1'), 'utf8');
  const [digest = ''] = /[0-9a-f]{64}(?="\}\})/.exec(text) ?? [];
  writeFileSync(
    join(folder, 't1'),
    text.replace(
      digest,
      digest.replace(/^./, (digit) => (digit === '0' ? '1' : '0')),
    ),
  );
  assert.notEqual(run(['--join', 't1', 't2']).stdout, run(['model']).stdout);
});

test('what is no part is refused before anything is read', () => {
  for (const words of [
    ['model', '--part', '0/2'],
    ['model', '--part', '3/2'],
    ['model', '--part', '1'],
    ['model', '--part', '1/20000'],
    ['--part', '1/2'],
    ['-', '--part', '1/2'],
    ['model', '--part', '1/2', '--join'],
    ['model', '--part', '1/2', '--json'],
    ['model', '--part', '1/2', '--algorithm', 'blake2b'],
    ['--join'],
  ])
    assert.equal(run(words).status, 2, words.join(' '));
});
