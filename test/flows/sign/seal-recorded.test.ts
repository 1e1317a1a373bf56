import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { before, test } from 'node:test';
import { PROGRAM } from '../../program.ts';

const home = mkdtempSync(join(tmpdir(), 'weighmark-recorded-'));
const COMMIT = '060db6499f32faf8b98477b0a26969ef7d8b9987';

function run(...args: string[]): { status: number | null; all: string } {
  const result = spawnSync(process.execPath, [PROGRAM, ...args], {
    cwd: home,
    encoding: 'utf8',
    env: { ...process.env, HOME: home, XDG_CONFIG_HOME: home, XDG_STATE_HOME: home, XDG_CACHE_HOME: home },
  });
  return { status: result.status, all: result.stdout + result.stderr };
}

function write(path: string, content: string): void {
  mkdirSync(dirname(join(home, path)), { recursive: true });
  writeFileSync(join(home, path), content);
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

before(() => assert.equal(run('keygen', 'k', '--no-password').status, 0));

test('a download that its own record contradicts is not sealed, but for a reason, which is signed', () => {
  write('local/config.json', '{"a": 1}');
  write('local/.cache/huggingface/download/config.json.metadata', `${COMMIT}\n${sha256('{}')}\n1700000000.0\n`);
  const refused = run('seal', 'local', '--key', 'k.key');
  assert.deepEqual([refused.status, refused.all.includes('error[download-conflict]: config.json')], [1, true]);
  const sealed = run('seal', 'local', '--key', 'k.key', '--accept-conflict', 'the key was misspelt');
  assert.equal(sealed.status, 0, sealed.all);
  assert.match(readFileSync(join(home, 'local/.weighmark/bom.cdx.json'), 'utf8'), /the key was misspelt/);
  const verified = run('verify', 'local', '--key', 'k.pub');
  assert.equal(verified.status, 0, verified.all);
  assert.match(verified.all, /download-conflict: config\.json: signed as here, recorded otherwise/);
});

test('the cache of the Hub: its links are followed by every command, its blob names held against the blobs', () => {
  const folder = `hub/models--org--name/snapshots/${COMMIT}`;
  const text = '{"a": 1}';
  const blob = (name: string) => `hub/models--org--name/blobs/${name}`;
  write(blob(sha256(text)), text);
  mkdirSync(join(home, folder), { recursive: true });
  symlinkSync(`../../blobs/${sha256(text)}`, join(home, folder, 'config.json'));
  for (const command of ['inspect', 'scan', 'hash']) assert.equal(run(command, folder).status, 0, command);
  const sealed = run('seal', folder, '--key', 'k.key');
  assert.match(sealed.all, /1 file matches what the Hugging Face cache recorded; nobody signed that/);
  const verified = run('verify', folder, '--key', 'k.pub');
  assert.equal(verified.status, 0);
  assert.match(verified.all, /1 file matches what a download tool recorded/);
  write(blob(sha256('other')), text);
  symlinkSync(`../../blobs/${sha256('other')}`, join(home, folder, 'other.json'));
  assert.match(run('seal', folder, '--key', 'k.key').all, /download-conflict.*other\.json/);
});

test('any other link needs --allow-symlinks, for inspect and hash as for seal', () => {
  write('linked/real.json', '{}');
  symlinkSync('real.json', join(home, 'linked', 'link.json'));
  for (const command of ['inspect', 'hash', 'scan']) {
    const refused = run(command, 'linked');
    assert.match(refused.all, /link\.json is a symbolic link/, command);
    assert.equal(run(command, 'linked', '--allow-symlinks').status, 0, command);
  }
});

test('half a model is sealed with a warning; what --ignore leaves out, the signature says', () => {
  const index = { metadata: {}, weight_map: { a: 'model-00002-of-00002.safetensors' } };
  write('half/model.safetensors.index.json', JSON.stringify(index));
  write('half/.venv/pyvenv.cfg', 'home = /usr');
  const sealed = run('seal', 'half', '--key', 'k.key', '--ignore', '.venv');
  assert.match(
    sealed.all,
    /warning +model\.safetensors\.index\.json: names model-00002-of-00002\.safetensors, not here/,
  );
  assert.match(run('verify', 'half', '--key', 'k.pub').all, /left out by the signature: \.venv/);
  const bom = JSON.parse(readFileSync(join(home, 'half/.weighmark/bom.cdx.json'), 'utf8')) as {
    compositions: { aggregate: string }[];
  };
  assert.equal(bom.compositions[0]?.aggregate, 'incomplete');
});

test('what an older coreutils or a newer one wrote is checked as what it is', () => {
  write('sums/a', 'abc');
  const sha512 = createHash('sha512').update('abc').digest('hex');
  const blake2b = 'bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319';
  write('sums.txt', `# two ways\n\n${sha512}  sums/a\n${blake2b}  sums/a\nBLAKE2b-256 (sums/a) = ${blake2b}\n`);
  const checked = run('hash', '--check', 'sums.txt');
  assert.equal(checked.status, 0, checked.all);
  write('wrong.txt', `${sha512.replace(/^./, '0')}  sums/a\n`);
  assert.equal(run('hash', '--check', 'wrong.txt').status, 1);
});

/** As DVC 3.63.0 wrote them: the digest of a tracked folder is the MD5 of a list, which lies in the cache. */
test('a folder that DVC tracks: its files are held against the list in its cache', () => {
  const LIST =
    '[{"md5": "60b725f10c9c85c70d97880dfe8191b3", "relpath": "a"}, {"md5": "3b5d5c3712955042212316173ccf37be", "relpath": "b"}]';
  write('dvc/imgs/a', 'a\n');
  write('dvc/imgs/b', 'b\n');
  write('dvc/.dvc/cache/files/md5/56/2ee692a592790b08e880eff9046f72.dir', LIST);
  write(
    'dvc/imgs.dvc',
    'outs:\n- md5: 562ee692a592790b08e880eff9046f72.dir\n  size: 4\n  nfiles: 2\n  hash: md5\n  path: imgs\n',
  );
  assert.match(run('seal', 'dvc', '--key', 'k.key').all, /2 files match what DVC recorded; nobody signed that/);
  write('dvc/imgs/b', 'B\n');
  const refused = run('seal', 'dvc', '--key', 'k.key');
  assert.deepEqual([refused.status, refused.all.includes('error[download-conflict]: imgs/b')], [1, true]);
  write('dvc/.dvc/cache/files/md5/56/2ee692a592790b08e880eff9046f72.dir', LIST.replace('3b5d', '0000'));
  assert.equal(run('seal', 'dvc', '--key', 'k.key').status, 0, 'a list that is not what its name says is none');
});

test('DVC: text of before version 3 whatever ends its lines, folders that stages work in, inputs that changed since', () => {
  write('old/data.csv', 'a,b\r\n1,2\r\n');
  // As dvc_data 3 (DVC 3.67.1) hashes this file by the name md5-dos2unix.
  write('old/data.csv.dvc', 'outs:\n- md5: e5ebd4c02cefbe7955977c67ada242b7\n  size: 10\n  path: data.csv\n');
  assert.match(run('seal', 'old', '--key', 'k.key').all, /1 file matches what DVC recorded/);
  write('old/data.csv', 'a,b\r\n1,3\r\n');
  assert.match(run('seal', 'old', '--key', 'k.key').all, /download-conflict.*data\.csv/);

  const md5 = (text: string): string => createHash('md5').update(text).digest('hex');
  write('work/data/x.csv', 'x\n');
  write('work/x.csv', 'another\n');
  write('work/train.py', 'print(2)\n');
  write('work/notes/x.dvc', `wdir: ../data\nouts:\n- md5: ${md5('x\n')}\n  hash: md5\n  path: x.csv\n`);
  write(
    'work/dvc.lock',
    `stages:\n  a:\n    deps:\n    - path: train.py\n      hash: md5\n      md5: ${md5('print(1)\n')}\n`,
  );
  write(
    'work/imported.dvc',
    `deps:\n- path: x.csv\n  md5: ${md5('theirs')}\n  repo: {url: "https://example.test/r"}\n`,
  );
  const files = `- relpath: b/x.csv\n    md5: ${md5('y\n')}\n`;
  write('work/data/b/x.csv', 'y\n');
  write('work/data.dvc', `outs:\n- path: data\n  hash: md5\n  files:\n  ${files}`);
  assert.match(run('seal', 'work', '--key', 'k.key').all, /2 files match what DVC recorded/);
});
