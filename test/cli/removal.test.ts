import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { keyLine } from '../public-key.ts';
import { BARE, PROGRAM } from '../program.ts';

const folder = mkdtempSync(join(tmpdir(), 'weighmark-removal-'));

function run(line: string): { readonly status: number; readonly stdout: string; readonly stderr: string } {
  const env = { ...BARE, HOME: folder, WEIGHMARK_REGISTRY: 'registry', NO_COLOR: '1' };
  const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, ...line.split(' ')], {
    cwd: folder,
    env,
    encoding: 'utf8',
  });
  return { status: status ?? 70, stdout, stderr };
}

function ok(line: string): string {
  const ran = run(line);
  assert.equal(ran.status, 0, `${line}\n${ran.stdout}${ran.stderr}`);
  return ran.stdout;
}

test('a record that must go: what holds it is refused, what may hold it is undecided, and the proof of its absence is the way in', () => {
  for (const name of ['dana', 'tom', 'bot', 'rita']) ok(`keygen ${name} --no-password -q`);
  const key = (name: string) => keyLine(readFileSync(join(folder, `${name}.pub`), 'utf8'));
  writeFileSync(
    join(folder, 'policy.yaml'),
    `format: weighmark-policy/1
name: demo
version: 1
expires: 2099-01-01
principals:
${['dana', 'tom', 'bot', 'rita'].map((name) => `  ${name}: { keys: [${key(name)}] }`).join('\n')}
roles: { publisher: [dana], trainer: [tom], promoter: [bot], revoker: [rita] }
environments: [{ name: prod, removedRecords: refuse }]
`,
  );
  ok('registry init registry');
  const rows = (ids: readonly number[]) => ids.map((id) => `{"id":${id}}\n`).join('');
  for (const [version, ids] of [
    [1, [1, 2, 3]],
    [2, [1, 3]],
  ] as const) {
    for (const path of [`d${version}`, `m${version}`]) mkdirSync(join(folder, path));
    writeFileSync(join(folder, `d${version}`, 'rows.jsonl'), rows(ids));
    writeFileSync(join(folder, `m${version}`, 'config.json'), `{"v":${version}}`);
    ok(`dataset index d${version} -q`);
    ok(`seal d${version} --records --name acme/data:${version} --key dana.key -q`);
    ok(`seal m${version} --name acme/m:${version} --step train --input dataset=d${version} --key tom.key -q`);
    for (const each of [`d${version} acme/data:${version}`, `m${version} acme/m:${version}`]) ok(`push ${each} -q`);
  }
  const promote = (version: number) =>
    run(`promote acme/m:${version} --env prod --policy policy.yaml --key bot.key --dry-run`);
  assert.equal(promote(1).status, 0, 'nobody wants anything removed');

  const { proof } = JSON.parse(ok('dataset prove d1 --record {"id":2} --json')) as { proof: { record: string } };
  writeFileSync(join(folder, 'removed'), `weighmark-removed/1\n${proof.record}\n`);
  ok('attest acme/data:1 --type removed-records --predicate removed --key rita.key');
  const undecided = promote(2);
  assert.equal(undecided.status, 4, undecided.stdout + undecided.stderr);
  assert.match(undecided.stderr, /removed-record.*nothing shows/);

  const holds = run('dataset prove d1 --removed removed');
  assert.deepEqual([holds.status, /removed-record/.test(holds.stderr)], [1, true]);
  ok('dataset prove d2 --removed removed -o absence.json');
  ok('attest acme/data:2 --type records-absence --predicate absence.json --key dana.key');
  const passed = promote(2);
  assert.equal(passed.status, 0, passed.stdout + passed.stderr);
  assert.match(passed.stdout + passed.stderr, /1 removed record in none of 1 dataset/);
  assert.equal(promote(1).status, 4, 'nobody can show it of the version that holds it');
  const proven = ok('dataset prove d1 --record {"id":2} --json');
  const roots = readFileSync(join(folder, 'd1', '.weighmark', 'records'), 'utf8');
  const { proof: present } = JSON.parse(proven) as { proof: object };
  writeFileSync(join(folder, 'present.json'), JSON.stringify({ roots, proofs: [present] }));
  ok('attest acme/data:1 --type records-absence --predicate present.json --key dana.key');
  assert.equal(promote(1).status, 1, 'somebody showed that it is there');
});

test('what a check of datasets came to is signed, and a policy refuses a dataset that leaks or that nobody looked at', () => {
  writeFileSync(join(folder, 'test.jsonl'), '{"id":8}\n');
  writeFileSync(join(folder, 'leak.jsonl'), '{"id":3}\n');
  for (const path of ['test.jsonl', 'leak.jsonl']) ok(`dataset index ${path} -q`);
  const text = readFileSync(join(folder, 'policy.yaml'), 'utf8')
    .replace('publisher: [dana]', 'publisher: [dana], evaluator: [rita]')
    .replace(
      'removedRecords: refuse',
      'datasets: { require: [{ claim: records-check, where: \'predicate.check == "overlap"\' }] }',
    );
  writeFileSync(join(folder, 'leaks.yaml'), text);
  const promote = () => run('promote acme/m:2 --env prod --policy leaks.yaml --key bot.key --dry-run');
  assert.match(promote().stderr, /claim-missing/);
  const checked = JSON.parse(
    ok('dataset check d2 --against test.jsonl --attest --name acme/data:2 --key rita.key --json'),
  ) as { attested: readonly { predicateType: string }[] };
  assert.match(checked.attested[0]?.predicateType ?? '', /records-check/);
  ok('push d2 acme/data:2 -q');
  const passed = promote();
  assert.equal(passed.status, 0, passed.stdout + passed.stderr);
  assert.equal(run('dataset check d2 --against leak.jsonl --attest --name acme/data:2 --key rita.key').status, 1);
  ok('push d2 acme/data:2 -q');
  const refused = promote();
  assert.equal(refused.status, 1, refused.stdout + refused.stderr);
  assert.match(refused.stderr, /claim-negative.*rita checked a dataset.*overlap/);
});
