import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createGit } from '../../src/adapters/git/index.ts';

function repository(): { folder: string; git: (...words: string[]) => void } {
  const folder = mkdtempSync(join(tmpdir(), 'weighmark-git-'));
  const git = (...words: string[]) => void execFileSync('git', words, { cwd: folder, stdio: 'ignore' });
  git('init', '-q');
  return { folder, git };
}

test('lists what is staged and what there is, by path from the top', async () => {
  const { folder, git } = repository();
  writeFileSync(join(folder, 'ä b.bin'), '1');
  writeFileSync(join(folder, 'other'), '2');
  git('add', 'ä b.bin');
  assert.deepEqual(
    (await createGit(folder).staged()).map(({ path }) => path),
    ['ä b.bin'],
  );
  assert.deepEqual([...(await createGit(folder).files())].toSorted(), ['other', 'ä b.bin']);
});

test('outside of a repository there is no root', async () => {
  assert.equal(await createGit(mkdtempSync(join(tmpdir(), 'weighmark-nogit-'))).root(), null);
});

test('rule 5: a hostile repository configuration runs nothing', async () => {
  const { folder, git } = repository();
  const proof = join(folder, 'ran');
  for (const setting of ['core.fsmonitor', 'diff.external', 'core.pager', 'core.sshCommand'])
    git('config', setting, `touch '${proof}'; true`);
  writeFileSync(join(folder, '.gitattributes'), '* diff=evil filter=evil\n');
  git('config', 'diff.evil.textconv', `touch '${proof}'`);
  writeFileSync(join(folder, 'a'), 'x');
  execFileSync('git', ['-c', 'core.fsmonitor=false', 'add', 'a'], { cwd: folder });
  await createGit(folder).staged();
  await createGit(folder).files();
  await createGit(folder).root();
  assert.equal(existsSync(proof), false);
});
