import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { objectPaths, pointerOf, pointerOfLink, type Pointer } from '../../src/domain/formats/pointer.ts';
import { BARE, PROGRAM } from '../program.ts';

/** A pickle that would run `true`. */
const EVIL = 'cposix\nsystem\n(S"true"\ntR.';
/** A pickle of a dictionary, which runs nothing. */
const GOOD = '(dp0\nS"model_type"\nS"x"\ns.';
const PLAIN = '{"model_type":"x"}';

interface Repository {
  readonly folder: string;
  readonly git: (...words: string[]) => string;
  readonly put: (path: string, text: string | Uint8Array) => void;
  readonly hook: (...files: string[]) => Outcome;
  readonly hookIn: (folder: string) => Outcome;
}

interface Outcome {
  readonly status: number | null;
  /** Of errors; warnings stop no commit. */
  readonly codes: readonly string[];
  readonly unchanged: number;
  readonly stderr: string;
}

function repository(t: TestContext): Repository {
  const folder = mkdtempSync(join(tmpdir(), 'weighmark-hook-index-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const env = { ...BARE, HOME: folder, GIT_CONFIG_NOSYSTEM: '1' };
  const git = (...words: string[]) =>
    execFileSync('git', words, { cwd: join(folder, 'r'), env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  mkdirSync(join(folder, 'r'));
  git('init', '-q');
  git('config', 'user.email', 'a@example.com');
  git('config', 'user.name', 'a');
  const hookAt = (cwd: string, files: readonly string[]): Outcome => {
    const run = spawnSync(process.execPath, [PROGRAM, 'hook', '--json', ...files], { cwd, env, encoding: 'utf8' });
    const outcome = JSON.parse(run.stdout) as { unchanged?: number; findings?: { code: string; level: string }[] };
    const errors = (outcome.findings ?? []).filter(({ level }) => level === 'error');
    const codes = errors.map(({ code }) => code);
    return { status: run.status, codes, unchanged: outcome.unchanged ?? 0, stderr: run.stderr };
  };
  return {
    folder,
    git,
    put: (path, text) => {
      mkdirSync(dirname(join(folder, 'r', path)), { recursive: true });
      writeFileSync(join(folder, 'r', path), text);
    },
    hook: (...files) => hookAt(join(folder, 'r'), files),
    hookIn: (below) => hookAt(join(folder, 'r', below), []),
  };
}

const refused = ({ status, codes }: Outcome) => assert.deepEqual([status, codes], [1, ['scan-finding']]);
const silent = ({ status, codes }: Outcome) => assert.deepEqual([status, codes], [0, []]);

test('what is staged is judged, whatever lies in the work tree afterwards', (t) => {
  for (const [what, after] of Object.entries<(repo: Repository) => unknown>({
    overwritten: ({ put }) => put('m.pkl', GOOD),
    deleted: ({ folder }) => rmSync(join(folder, 'r', 'm.pkl')),
    'made a folder': ({ folder, put }) => (rmSync(join(folder, 'r', 'm.pkl')), put('m.pkl/x', GOOD)),
    'made a link': ({ folder }) => (
      rmSync(join(folder, 'r', 'm.pkl')),
      symlinkSync('nowhere', join(folder, 'r', 'm.pkl'))
    ),
    'assumed unchanged': ({ git, put }) => (git('update-index', '--assume-unchanged', 'm.pkl'), put('m.pkl', GOOD)),
    skipped: ({ git, put }) => (git('update-index', '--skip-worktree', 'm.pkl'), put('m.pkl', GOOD)),
    'replaced by git': ({ git, folder }) => {
      writeFileSync(join(folder, 'good'), GOOD);
      const [bad, good] = [git('rev-parse', ':m.pkl').trim(), git('hash-object', '-w', join(folder, 'good')).trim()];
      git('replace', bad, good);
    },
    'vouched for by a list that is not staged': ({ put }) => put('.weighmark/files', listOf('m.pkl', EVIL)),
    'vouched for by a list that is': ({ git, put }) => (
      put('.weighmark/files', listOf('m.pkl', EVIL)),
      git('add', '.weighmark/files')
    ),
  })) {
    const repo = repository(t);
    repo.put('m.pkl', EVIL);
    repo.git('add', 'm.pkl');
    after(repo);
    refused(repo.hook());
    refused(repo.hook('m.pkl'));
    assert.ok(what);
  }
});

test('the mirror case does not refuse: what is not staged is nobody’s business', (t) => {
  const repo = repository(t);
  repo.put('m.pkl', GOOD);
  repo.git('add', 'm.pkl');
  repo.put('m.pkl', EVIL);
  repo.put('other.pkl', EVIL);
  silent(repo.hook());
  silent(repo.hook('m.pkl'));
  refused(repo.hook('other.pkl'));
});

test('in a folder below, all that is staged is judged, whatever git is set to show there', (t) => {
  const repo = repository(t);
  repo.put('below/model_card.json', PLAIN);
  repo.put('m.pkl', EVIL);
  repo.git('add', '.');
  for (const setting of ['diff.relative', 'diff.noprefix', 'status.relativePaths', 'core.ignoreCase'])
    repo.git('config', setting, 'true');
  refused(repo.hookIn('below'));
});

test('claims, lists and policies are read from the index too', (t) => {
  const repo = repository(t);
  for (const [path, bad] of [
    ['claims.jsonl', 'not a claim\n'],
    ['.weighmark/files', 'weighmark-files/1\nx\n'],
    ['policy.yaml', 'format: weighmark-policy/1\nname: x\n'],
  ] as const) {
    repo.put(path, bad);
    repo.git('add', path);
    rmSync(join(repo.folder, 'r', path));
    assert.notEqual(repo.hook().status, 0, path);
    repo.git('rm', '-q', '--cached', path);
  }
});

test('names of any kind, a hundred files and a large one, by one process for the blobs', (t) => {
  const repo = repository(t);
  const names = [
    'a b',
    'ä',
    'new\nline',
    '-dash',
    'tab\t',
    '"q"',
    'sub/deep/x',
    ...Array.from({ length: 100 }, (_, at) => `n${at}`),
  ];
  for (const name of names) repo.put(`${name}.json`, PLAIN);
  repo.put('large.bin', Buffer.alloc(9 << 20, 'x'));
  repo.put('evil name\n.pkl', EVIL);
  repo.git('add', '-A');
  for (const name of names) rmSync(join(repo.folder, 'r', `${name}.json`));
  const bin = join(repo.folder, 'bin');
  mkdirSync(bin);
  const real = execFileSync('sh', ['-c', 'command -v git'], { encoding: 'utf8' }).trim();
  writeFileSync(join(bin, 'git'), `#!/bin/sh\necho "$@" >> ${repo.folder}/asked\nexec ${real} "$@"\n`, { mode: 0o755 });
  const run = spawnSync(process.execPath, [PROGRAM, 'hook', '--json'], {
    cwd: join(repo.folder, 'r'),
    env: { PATH: `${bin}:${process.env['PATH'] ?? ''}`, HOME: repo.folder },
    encoding: 'utf8',
  });
  assert.equal(run.status, 1, run.stderr);
  const outcome = JSON.parse(run.stdout) as { checked: number; findings: { code: string; subject: string }[] };
  assert.equal(outcome.checked, names.length + 2);
  assert.deepEqual(
    outcome.findings.filter(({ code }) => code === 'scan-finding').map(({ subject }) => subject),
    ['evil name\n.pkl'],
  );
  const asked = readFileSync(join(repo.folder, 'asked'), 'utf8').split('\n');
  assert.equal(asked.filter((line) => line.includes('cat-file --batch')).length, 1);
  assert.ok(asked.length < 10, `${asked.length} processes`);
});

test('blobs in which nothing was found are not read again; what they are sealed as is still compared', (t) => {
  const repo = repository(t);
  const names = Array.from({ length: 120 }, (_, at) => `n${at}.json`);
  for (const name of names) repo.put(name, PLAIN);
  repo.put('.weighmark/files', listOf('n0.json', PLAIN));
  repo.git('add', '-A');
  assert.equal(repo.hook().unchanged, 1);
  const oid = repo.git('rev-parse', ':n0.json').trim();
  const object = join(repo.folder, 'r', '.git', 'objects', oid.slice(0, 2), oid.slice(2));
  renameSync(object, `${object}.away`);
  const again = repo.hook();
  assert.deepEqual([again.status, again.unchanged], [0, 1]);
  repo.git('mv', 'n2.json', 'n2.txt');
  assert.deepEqual(repo.hook().codes, ['unreadable'], 'at another path it is another file');
  renameSync(`${object}.away`, object);
  repo.put('n1.json', EVIL);
  repo.git('add', '-A');
  repo.put('n1.json', PLAIN);
  refused(repo.hook());
  refused(repo.hook());
  repo.git('mv', '-f', 'n1.json', 'n1.pkl');
  refused(repo.hook());
});

test('what git makes of a blob at checkout is judged as well; filter programs are not run', (t) => {
  const repo = repository(t);
  const binary = Buffer.concat([
    Buffer.from('\x80\x02', 'latin1'),
    Buffer.from('cposix\nsystem\nX\x04\x00\x00\x00true\x85R.', 'latin1'),
  ]);
  const proof = join(repo.folder, 'ran');
  repo.git('config', 'filter.evil.smudge', `touch '${proof}'`);
  repo.git('config', 'filter.evil.process', `touch '${proof}'`);
  repo.git('config', 'filter.evil.required', 'true');
  repo.put('.gitattributes', '*.pkl working-tree-encoding=ISO-8859-1\n*.bin filter=evil ident\n');
  const oid = (text: Buffer) => {
    writeFileSync(join(repo.folder, 'blob'), text);
    return repo.git('hash-object', '-w', join(repo.folder, 'blob')).trim();
  };
  repo.git(
    'update-index',
    '--add',
    '--cacheinfo',
    `100644,${oid(Buffer.from(binary.toString('latin1'), 'utf8'))},w.pkl`,
  );
  repo.git('update-index', '--add', '--cacheinfo', `100644,${oid(Buffer.from('x'))},x.bin`);
  const before = repo.hook();
  repo.git('add', '.gitattributes');
  rmSync(join(repo.folder, 'r', '.gitattributes'));
  const after = repo.hook();
  assert.ok(!before.codes.includes('scan-finding'), 'no blob is unsafe by itself');
  assert.ok(after.codes.includes('scan-finding'), after.stderr);
  assert.equal(existsSync(proof), false);
});

test('what was sealed with other line ends is what was sealed', (t) => {
  const repo = repository(t);
  const text = '{\r\n"model_type":"x"\r\n}\r\n';
  repo.put('.gitattributes', '*.json text eol=crlf\n');
  repo.put('config.json', text);
  repo.put('.weighmark/files', listOf('config.json', text));
  repo.git('add', '-A');
  const { status, codes, unchanged } = repo.hook();
  assert.deepEqual([status, codes, unchanged], [0, [], 1]);
});

function listOf(path: string, text: string): string {
  const sha256 = createHash('sha256').update(text).digest('hex');
  return `weighmark-files/1\n${sha256} ${'0'.repeat(64)} ${Buffer.byteLength(text)} ${path}\n`;
}

const sha256Of = (text: string) => createHash('sha256').update(text).digest('hex');
const lfsPointer = (text: string) =>
  `version https://git-lfs.github.com/spec/v1\noid sha256:${sha256Of(text)}\nsize ${text.length}\n`;

function keep(repo: Repository, pointer: Pointer, text: string, which = 0): void {
  repo.put(join('.git', pointer.kind, objectPaths(pointer)[which] ?? ''), text);
}

test('of a Git LFS pointer the object is judged; absent is undecided, another is refused', (t) => {
  const repo = repository(t);
  repo.put('m.pkl', lfsPointer(EVIL));
  repo.git('add', 'm.pkl');
  const absent = repo.hook();
  assert.deepEqual([absent.status, absent.codes], [4, ['lfs-pointer']]);
  const pointer = pointerOf(Buffer.from(lfsPointer(EVIL)));
  assert.ok(pointer !== null);
  keep(repo, pointer, GOOD);
  assert.deepEqual(repo.hook().codes, ['digest-mismatch']);
  keep(repo, pointer, EVIL);
  refused(repo.hook());
  repo.put('m.pkl', GOOD);
  refused(repo.hook());
  repo.put('.weighmark/files', listOf('m.pkl', EVIL));
  refused(repo.hook());
});

test('of a git-annex pointer or link the object is judged, in both layouts', (t) => {
  for (const which of [0, 1]) {
    const repo = repository(t);
    const key = `SHA256E-s${EVIL.length}--${sha256Of(EVIL)}.pkl`;
    repo.put('unlocked.pkl', `/annex/objects/${key}\n`);
    symlinkSync(`.git/annex/objects/Ab/cD/${key}/${key}`, join(repo.folder, 'r', 'locked.pkl'));
    repo.git('add', '-A');
    const absent = repo.hook();
    assert.deepEqual([absent.status, absent.codes], [4, ['lfs-pointer', 'lfs-pointer']]);
    const pointer = pointerOf(Buffer.from(`/annex/objects/${key}\n`));
    assert.ok(pointer !== null);
    assert.deepEqual(pointerOfLink(`../.git/annex/objects/Ab/cD/${key}/${key}`), pointer);
    keep(repo, pointer, EVIL, which);
    assert.deepEqual(repo.hook().codes, ['scan-finding', 'scan-finding']);
  }
});

test('the folders of a key are git-annex’s own', () => {
  const key = 'SHA256E-s26--103357ddc3429aca5677e4c2659a05a9b28631972344cf582074cff676f9fbd8.pkl';
  const [mixed = '', lower = ''] = objectPaths({ kind: 'annex', key, sha256: null });
  assert.equal(mixed, `objects/Kz/JZ/${key}/${key}`, 'as git-annex 10 made it');
  assert.match(lower, /^objects\/[0-9a-f]{3}\/[0-9a-f]{3}\//);
  assert.equal(pointerOfLink('../../etc/passwd'), null);
  assert.equal(pointerOf(Buffer.from('/annex/objects/../../x\n')), null);
});

test('a commit of some files only is judged by its own index', (t) => {
  const repo = repository(t);
  repo.put('a.pkl', GOOD);
  repo.git('add', '-A');
  repo.git('commit', '-qm', 'one');
  writeFileSync(
    join(repo.folder, 'r', '.git', 'hooks', 'pre-commit'),
    `#!/bin/sh\nexec ${process.execPath} ${PROGRAM} hook\n`,
    { mode: 0o755 },
  );
  repo.put('a.pkl', EVIL);
  assert.throws(() => repo.git('commit', '-qm', 'two', 'a.pkl'));
  assert.throws(() => repo.git('commit', '-qam', 'two'));
  repo.put('b.json', PLAIN);
  repo.git('add', 'b.json');
  repo.git('commit', '-qm', 'three', '--', 'b.json');
});

/** A pickle whose text holds another one that falls out of it where each line end has two bytes; git takes it for text. */
function smuggled(): Buffer {
  const hidden = 'U\x05posixU\x06system\x93U\x04true\x85R.';
  const text = '\n'.repeat(hidden.length) + hidden;
  const plain = `U\x7a${'a'.repeat(122)}0`.repeat(12);
  return Buffer.from(`${plain}U${String.fromCharCode(text.length)}${text}.`, 'latin1');
}

test('line ends as other machines write them are judged too, where attributes or this one leave them to the machine', (t) => {
  for (const [attributes, setting, isRefused] of [
    ['* text=auto\n', null, true],
    ['*.pkl text\n', null, true],
    ['*.pkl crlf\n', null, true],
    ['*.pkl text=auto eol=crlf\n', null, true],
    ['', 'core.autocrlf=true', true],
    ['*.json text\n', 'core.autocrlf=yes', true],
    ['', null, false],
    ['', 'core.autocrlf=input', false],
    ['*.pkl -text\n', 'core.autocrlf=true', false],
    ['*.pkl -crlf\n', 'core.autocrlf=true', false],
    ['*.pkl binary\n', 'core.autocrlf=true', false],
    ['* text=auto eol=lf\n', 'core.autocrlf=true', false],
  ] as const) {
    const repo = repository(t);
    if (setting !== null) repo.git('config', ...setting.split('='));
    repo.put('.gitattributes', attributes);
    repo.put('m.pkl', smuggled());
    repo.git('add', '-A');
    (isRefused ? refused : silent)(repo.hook());
  }
});

test('what is honest stays so with other line ends: seals, old pickles, binary files', (t) => {
  const repo = repository(t);
  const text = '{\r\n"model_type":"x"\r\n}\r\n';
  repo.git('config', 'core.autocrlf', 'true');
  repo.put('.gitattributes', '* text=auto\n');
  repo.put('config.json', text);
  repo.put('old.pkl', GOOD);
  repo.put('new.pkl', Buffer.from('\x80\x04\x95\x04\0\0\0\0\0\0\0}\x94K\x0a.', 'latin1'));
  repo.put('.weighmark/files', listOf('config.json', text));
  repo.git('add', '-A');
  const { status, codes, unchanged } = repo.hook();
  assert.deepEqual([status, codes, unchanged], [0, [], 1]);
});

test('a commit with literal pathspecs is held to the lists of the index all the same', (t) => {
  const repo = repository(t);
  repo.put('m/config.json', PLAIN);
  repo.put('m/.weighmark/files', listOf('config.json', 'another'));
  repo.put('weighmark.yaml', 'hook: { unsealed: error }\n');
  repo.git('add', '-A');
  rmSync(join(repo.folder, 'r', 'm', '.weighmark'), { recursive: true });
  writeFileSync(
    join(repo.folder, 'r', '.git', 'hooks', 'pre-commit'),
    `#!/bin/sh\nexec ${process.execPath} ${PROGRAM} hook\n`,
    { mode: 0o755 },
  );
  for (const how of [[], ['--literal-pathspecs'], ['--icase-pathspecs']])
    assert.throws(() => repo.git(...how, 'commit', '-qm', 'one'), how.join());
});

test('all that Git LFS and git-annex take for a pointer is judged by its object, under any name', (t) => {
  const plain = lfsPointer(EVIL);
  const key = `SHA256E-s${EVIL.length}--${sha256Of(EVIL)}.pkl`;
  for (const text of [
    `\n \t${plain}`,
    `\u00a0${plain}`,
    `${plain}${' '.repeat(1100)}`,
    plain.replaceAll('\n', '\n\n'),
    plain.replace('https://git-lfs.github.com/spec/v1', 'http://git-media.io/v/2'),
    `.git/annex/objects/Kz/JZ/${key}/${key}`,
    `../../.git/annex/objects/Kz/JZ/${key}/${key}\n`,
    `/annex/objects/${key}\n${'/annex/x\n'.repeat(300)}`,
  ]) {
    const repo = repository(t);
    repo.put('notes.txt', text);
    repo.git('add', '-A');
    assert.ok(repo.hook().codes.includes('lfs-pointer'), `absent: ${text.slice(0, 50)}`);
    const pointer = pointerOf(Buffer.from(text));
    assert.ok(pointer !== null);
    keep(repo, pointer, EVIL);
    assert.ok(repo.hook().codes.includes('scan-finding'), text.slice(0, 50));
  }
  for (const text of ['see .git/annex/objects\n', 'version 2\n', '/annex/objects/\n', `a ${key}\n`])
    assert.equal(pointerOf(Buffer.from(text)), null, text);
});

test('what calls itself a pointer and holds more is judged by its own bytes as well', (t) => {
  const repo = repository(t);
  repo.put('m.pkl', `S'/annex/objects/SHA256-s1--${'a'.repeat(64)}'\n0${EVIL}`);
  repo.git('add', '-A');
  assert.deepEqual(new Set(repo.hook().codes), new Set(['lfs-pointer', 'scan-finding']));
});

test('a Git LFS object is found beside the objects that git borrows', (t) => {
  const [lender, repo] = [repository(t), repository(t)];
  const pointer = pointerOf(Buffer.from(lfsPointer(EVIL)));
  assert.ok(pointer !== null);
  keep(lender, pointer, EVIL);
  repo.put('.git/objects/info/alternates', `${join(lender.folder, 'r', '.git', 'objects')}\n`);
  repo.put('m.pkl', lfsPointer(EVIL));
  repo.git('add', '-A');
  refused(repo.hook());
});

test('a name that is no UTF-8 is asked for as it is; where git cannot be asked, it says why', (t) => {
  const repo = repository(t);
  repo.put('.gitattributes', '*.pkl eol=crlf\n');
  repo.put('blob', smuggled());
  repo.git('add', '.gitattributes');
  const oid = repo.git('hash-object', '-w', '--no-filters', 'blob').trim();
  const line = Buffer.concat([Buffer.from(`100644 ${oid} 0\t`), Buffer.from([0xff, 0xe4]), Buffer.from('.pkl\0')]);
  const added = spawnSync('git', ['update-index', '-z', '--index-info'], { cwd: join(repo.folder, 'r'), input: line });
  assert.equal(added.status, 0);
  refused(repo.hook());
  repo.put('.git/index', 'broken');
  const run = spawnSync(process.execPath, [PROGRAM, 'hook'], {
    cwd: join(repo.folder, 'r'),
    env: BARE,
    encoding: 'utf8',
  });
  assert.equal(run.status, 4);
  assert.match(run.stderr, /error\[unreadable\]: git could not be asked: .*index/);
});
