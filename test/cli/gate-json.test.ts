import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { keyLine } from '../public-key.ts';
import { heldToSchema } from './schema.ts';
import { BARE, PROGRAM } from '../program.ts';

const PEOPLE = ['dana', 'anna', 'erin', 'bob', 'ci', 'rita', 'rob'];
let folder = '';

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'weighmark-cli-gate-'));
  for (const name of PEOPLE) assert.equal(run(['keygen', name, '--no-password']).status, 0);
  writeFileSync(join(folder, 'policy.yaml'), policy());
  mkdirSync(join(folder, 'data'));
  writeFileSync(join(folder, 'data', 'rows.csv'), 'a,b\n1,2\n');
  writeFileSync(join(folder, 'croissant.json'), '{"name":"rows"}');
  assert.equal(run(['registry', 'init', 'reg']).status, 0);
  ok(['attest', 'data', '--type', 'dataset', '--reference', 'croissant.json', '--key', 'dana.key']);
  ok(['push', 'data', 'acme/data:1']);
  for (const version of ['1.0', '2.0']) publish(version);
});
after(() => rmSync(folder, { recursive: true, force: true }));

function policy(): string {
  const key = (name: string): string => keyLine(readFileSync(join(folder, `${name}.pub`), 'utf8'));
  const principals = PEOPLE.map((name) => `  ${name}: { keys: [${key(name)}] }`).join('\n');
  return `format: weighmark-policy/1
name: acme
version: 3
expires: 2099-01-01
principals:
${principals}
roles:
  publisher: [dana]
  trainer: [anna]
  evaluator: [erin]
  approver: [bob]
  promoter: [ci]
  revoker: [rita, rob]
environments:
  - name: staging
    require: [bom]
  - name: prod
    after: staging
    require: [bom, { claim: evaluation, where: predicate.result == "PASSED" }]
    approvals: 1
`;
}

function publish(version: string): void {
  const path = `enc-${version}`;
  mkdirSync(join(folder, path));
  writeFileSync(join(folder, path, 'config.json'), `{"version":"${version}"}`);
  ok([
    'seal',
    path,
    '--name',
    `acme/enc:${version}`,
    '--step',
    'train',
    '--input',
    'dataset=acme/data:1',
    '--key',
    'anna.key',
  ]);
  ok([
    'attest',
    path,
    '--type',
    'evaluation',
    '--result',
    'passed',
    '--metric',
    'accuracy=0.9',
    '--name',
    `acme/enc:${version}`,
    '--key',
    'erin.key',
  ]);
  ok(['push', path, `acme/enc:${version}`]);
}

function run(
  args: readonly string[],
  env: Record<string, string> = {},
): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
  const clean = { ...BARE, HOME: folder, WEIGHMARK_REGISTRY: 'reg', WEIGHMARK_POLICY: 'policy.yaml', ...env };
  return spawnSync(process.execPath, [PROGRAM, ...args], { cwd: folder, encoding: 'utf8', env: clean });
}

function ok(args: readonly string[]): string {
  const { status, stdout, stderr } = run(args);
  assert.equal(status, 0, `${args.join(' ')}: ${stderr}`);
  return stdout;
}

/** Runs with --json, holds what is printed to its published schema, and its exit code to the one named. */
function json(name: string, args: readonly string[], exitCode = 0): Record<string, unknown> {
  const { status, stdout, stderr } = run([...name.split(' '), ...args, '--json']);
  assert.equal(status, exitCode, stderr || stdout);
  return heldToSchema(name, stdout);
}

const CI = ['--key', 'ci.key'];

test('the way of two versions through the gate, every answer as its schema says', () => {
  assert.equal(json('promote', ['acme/enc:1.0', '--env', 'prod', ...CI], 1)['promoted'], null);
  json('promote', ['acme/enc:1.0', '--env', 'staging', '--dry-run', ...CI]);
  const { id } = json('promote', ['acme/enc:1.0', '--env', 'staging', ...CI]);
  json('approve', ['acme/enc:1.0', '--env', 'prod', '--yes', '--key', 'bob.key']);
  assert.equal(ok(['promote', 'acme/enc:1.0', '--env', 'prod', ...CI]), `acme/enc@${String(id)}\n`);

  for (const [env, ...rest] of [['staging'], ['prod', 'approve']] as const) {
    if (rest.length > 0) ok(['approve', 'acme/enc:2.0', '--env', env, '--yes', '--key', 'bob.key']);
    ok(['promote', 'acme/enc:2.0', '--env', env, ...CI]);
  }
  json('verify', ['enc-2.0', '--env', 'prod']);
  json('verify', ['enc-1.0', '--env', 'prod'], 1);
  json('verify', ['acme/enc:2.0', '--env', 'prod']);
  json('verify', ['enc-2.0', '--env', 'prod', '--policy', 'policy.yaml']);
  json('pull', ['acme/enc:1.0', 'out', '--env', 'prod'], 1);
  assert.ok(!existsSync(join(folder, 'out')));
  json('pull', ['acme/enc:2.0', 'out', '--env', 'prod']);
  assert.ok(existsSync(join(folder, 'out', 'config.json')));

  json('policy explain', ['acme/enc:2.0', '--env', 'prod']);
  assert.equal((json('policy lint', [])['policy'] as { version: number }).version, 3);
  assert.equal(
    (json('lineage', ['acme/enc:2.0'])['nodes'] as { edges: { standing: string }[] }[])[0]?.edges[0]?.standing,
    'described',
  );
  assert.match(ok(['lineage', 'acme/enc:2.0', '--format', 'mermaid']), /^flowchart BT\n/);
  assert.match(ok(['lineage', 'acme/enc:2.0', '--format', 'dot']), /^digraph lineage \{/);
  assert.match(ok(['lineage', 'acme/enc:2.0', '--format', 'html']), /Content-Security-Policy/);
  assert.equal((json('impact', ['acme/data:1'])['descendants'] as unknown[]).length, 2);
  const row = json('impact', ['acme/data:1', '--record', '1,2']) as {
    descendants: unknown[];
    record: { holders: { places: unknown[] }[] };
  };
  assert.deepEqual(
    [row.descendants.length, row.record.holders[0]?.places],
    [2, [{ path: 'rows.csv', lines: [2], count: 1 }]],
  );
  assert.deepEqual(
    (json('impact', ['acme/data:1', '--record', `sha256:${'0'.repeat(64)}`]) as typeof row).descendants,
    [],
  );
  assert.match(
    ok(['impact', 'acme/data:1', '--record', '1,2']),
    /holds it.*\n +rows\.csv, line 2\n(?:.*\n)+2 descend from it/,
  );
  assert.equal(run(['impact', 'acme/data:1', '--record', '']).status, 2);
  assert.equal(json('rollback', ['acme/enc', '--env', 'prod', ...CI])['id'], id);
  json('verify', ['enc-1.0', '--env', 'prod']);
  assert.equal((json('audit', [])['promotions'] as unknown[]).length, 2);

  json('revoke', ['acme/data:1', '--reason', 'poisoned rows', '--yes', '--key', 'rita.key']);
  json('verify', ['enc-1.0', '--env', 'prod'], 1);
  json('audit', [], 1);
  json('revoke', ['--snapshot', '12h', '--key', 'rita.key']);
  for (const by of ['rita', 'rob']) {
    const undone = run(['revoke', 'acme/data:1', '--undo', '--reason', 'false alarm', '--yes', '--key', `${by}.key`]);
    assert.match(undone.stderr, /^note: it takes 2 revokers to let .+ count again; this signs for one of them\n/);
  }
  json('audit', []);
  assert.equal(json('rollback', ['acme/enc', '--env', 'prod', '--to', 'none', ...CI])['id'], null);
  json('verify', ['enc-1.0', '--env', 'prod'], 1);
});

test('a machine that has not seen the log before does not decide, unless it brings a checkpoint', () => {
  const fresh = { XDG_STATE_HOME: join(folder, 'fresh') };
  assert.equal(run(['verify', 'enc-2.0', '--env', 'staging'], fresh).status, 4);
  const { size, root } = JSON.parse(ok(['log', 'verify', '--json'])) as { size: number; root: string };
  const brought = { XDG_STATE_HOME: join(folder, 'brought') };
  assert.equal(
    run(['verify', 'enc-2.0', '--env', 'staging', '--min-checkpoint', `${size}:${root}`], brought).status,
    0,
  );
  const longer = { XDG_STATE_HOME: join(folder, 'longer') };
  assert.equal(
    run(['verify', 'enc-2.0', '--env', 'staging', '--min-checkpoint', `${size + 1}:${root}`], longer).status,
    1,
  );
});

test('a policy that went back, or lies in the registry, is no policy', () => {
  ok(['policy', 'lint']);
  writeFileSync(join(folder, 'policy.yaml'), policy().replace('version: 3', 'version: 2'));
  const older = run(['policy', 'lint']);
  writeFileSync(join(folder, 'policy.yaml'), policy());
  assert.equal(older.status, 1);
  assert.match(older.stderr, /error\[policy-rollback\]/);
  writeFileSync(join(folder, 'reg', 'policy.yaml'), policy());
  const inside = run(['policy', 'lint', 'reg/policy.yaml']);
  rmSync(join(folder, 'reg', 'policy.yaml'));
  assert.equal(inside.status, 2);
  assert.match(inside.stderr, /error\[anchor-inside\]/);
});

test('who trusts somebody for policies takes none that is not theirs', () => {
  const config = { XDG_CONFIG_HOME: join(folder, 'signed-config'), XDG_STATE_HOME: join(folder, 'signed-state') };
  assert.equal(run(['trust', 'add', 'rita', '--key', 'rita.pub', '--for', 'policy/acme'], config).status, 0);
  const lint = (): { status: number | null; stderr: string } => run(['policy', 'lint', 'signed.yaml'], config);
  writeFileSync(join(folder, 'signed.yaml'), policy());
  assert.equal(lint().status, 3, 'unsigned');
  ok(['sign', 'signed.yaml', '--key', 'rita.key']);
  assert.equal(lint().status, 0, lint().stderr);
  mkdirSync(join(folder, 'elsewhere'));
  writeFileSync(join(folder, 'elsewhere', 'signed.yaml'), policy().replace('version: 3', 'version: 2'));
  ok(['sign', 'elsewhere/signed.yaml', '--key', 'rita.key']);
  assert.match(
    run(['policy', 'lint', 'elsewhere/signed.yaml'], config).stderr,
    /error\[policy-rollback\]/,
    'an old one, signed as well, at another place',
  );
  writeFileSync(join(folder, 'signed.yaml'), policy().replace('approvals: 1', 'approvals: 0x1'));
  assert.equal(lint().status, 1, 'changed');
  writeFileSync(join(folder, 'signed.yaml'), policy().replace('name: acme', 'name: other'));
  assert.match(lint().stderr, /nobody is trusted for the policy other/);
  rmSync(join(folder, 'signed.yaml.sig'));
  writeFileSync(join(folder, 'signed.yaml'), policy());
  ok(['sign', 'signed.yaml', '--key', 'ci.key']);
  assert.equal(lint().status, 1, 'by somebody else');
});

test('a gate that says no says what it decided, and of whom', () => {
  const lastLine = (args: readonly string[]): string => run(args).stderr.trimEnd().split('\n').at(-1) ?? '';
  assert.equal(
    lastLine(['promote', 'acme/enc:1.0', '--env', 'staging', '--key', 'anna.key']),
    'FAILED: acme/enc:1.0: anna is no promoter for acme/enc; not promoted to staging, nothing was changed',
  );
  const approval = run(['approve', 'acme/enc:1.0', '--env', 'prod', '--key', 'dana.key', '--yes']);
  assert.match(
    approval.stderr,
    /error\[wrong-signer\]: dana is no approver for acme\/enc\nhint: the policy lets bob \(approver\) sign this\nNOT APPROVED: nothing was signed\n$/,
  );
  const elsewhere = run(['promote', 'acme/enc:1.0', '--env', 'staging', '--key', 'anna.key'], {
    XDG_STATE_HOME: join(folder, 'no-memory'),
  });
  assert.equal(elsewhere.status, 4);
  assert.match(
    elsewhere.stderr,
    /\nUNDECIDED: acme\/enc:1\.0 could not be verified: this could be an old state of the log.*; not promoted to staging, nothing was changed\n$/,
  );
});

test('who asks for two signatures on a policy takes none by fewer people, whatever else lies beside it', () => {
  const config = { XDG_CONFIG_HOME: join(folder, 'two-config'), XDG_STATE_HOME: join(folder, 'two-state') };
  const trust = (name: string, key: string, ...more: string[]): void =>
    assert.equal(run(['trust', 'add', name, '--key', `${key}.pub`, '--for', 'policy/acme', ...more], config).status, 0);
  const lint = (): readonly [number | null, string | undefined] => {
    const { status, stderr } = run(['policy', 'lint', 'two.yaml'], config);
    return [status, /error\[(.+?)\]/.exec(stderr)?.[1]];
  };
  const sign = (by: string, to: string): void =>
    ok(['sign', 'two.yaml', '--key', `${by}.key`, '--signature', to]) as never;
  writeFileSync(join(folder, 'two.yaml'), policy());
  trust('rita', 'rita', '--threshold', '2');
  assert.deepEqual(lint(), [2, 'trust-invalid'], 'one person is trusted, two are wanted');
  trust('rob', 'rob');
  assert.deepEqual(lint(), [3, 'nothing-to-verify']);
  sign('rita', 'two.yaml.sig');
  assert.deepEqual(lint(), [1, 'policy-signatures'], 'one of two; the entry that asks for none lowers nothing');
  sign('rita', 'two.yaml.again.oms.sig');
  assert.deepEqual(lint(), [1, 'policy-signatures'], 'the same key twice');
  sign('bob', 'two.yaml.bob.oms.sig');
  assert.deepEqual(lint(), [1, 'policy-signatures'], 'somebody else');
  trust('rita+token', 'ci');
  sign('ci', 'two.yaml.token.oms.sig');
  assert.deepEqual(lint(), [1, 'policy-signatures'], 'the same person by another key');
  trust('rita2', 'rita');
  assert.deepEqual(lint(), [1, 'policy-signatures'], 'the same key under another name');
  writeFileSync(join(folder, 'other.yaml'), policy().replace('version: 3', 'version: 4'));
  ok(['sign', 'other.yaml', '--key', 'rob.key', '--signature', 'two.yaml.rob.oms.sig']);
  assert.deepEqual(lint(), [1, 'policy-signatures'], 'by rob, over other bytes');
  writeFileSync(join(folder, 'two.yaml.rob.oms.sig'), '{');
  assert.deepEqual(lint(), [1, 'policy-signatures'], 'broken');
  rmSync(join(folder, 'two.yaml.rob.oms.sig'));
  sign('rob', 'two.yaml.rob.oms.sig');
  const valid = run(['policy', 'lint', 'two.yaml', '--json'], config);
  assert.equal(valid.status, 0, valid.stderr);
  assert.deepEqual((JSON.parse(valid.stdout) as { signedBy: unknown }).signedBy, ['rita', 'rob']);
  writeFileSync(join(folder, 'two.yaml'), `${policy()}# more\n`);
  assert.deepEqual(lint(), [1, 'digest-mismatch'], 'changed after both signed');
  assert.equal(
    run(['trust', 'add', 'bob', '--key', 'bob.pub', '--threshold', '2'], config).status,
    2,
    'a threshold is for policies',
  );
});

test('policy test: one claim set passes, another fails, for the reason expected', () => {
  const lines = readFileSync(join(folder, 'enc-1.0', 'claims.jsonl'), 'utf8')
    .trimEnd()
    .split('\n');
  const dataset = readFileSync(join(folder, 'data', 'claims.jsonl'), 'utf8');
  const shown = JSON.parse(ok(['show', 'acme/enc:1.0', '--json'])) as { id: string };
  writeFileSync(join(folder, 'good.jsonl'), `${lines.join('\n')}\n${dataset}`);
  writeFileSync(join(folder, 'bad.jsonl'), `${lines.join('\n')}\n`);
  const rest = `environment: staging, artifact: acme/enc, id: "${shown.id}", at: 2026-11-21T12:00:00Z`;
  const cases = (bad: string): string =>
    `cases:\n  - { name: complete, claims: [good.jsonl], expect: pass, ${rest} }\n  - { name: dataset not described, claims: [bad.jsonl], expect: ${bad}, ${rest} }\n`;
  writeFileSync(join(folder, 'cases.yaml'), cases('[lineage-unattested]'));
  assert.equal(json('policy test', ['cases.yaml'])['failed'], 0);
  writeFileSync(join(folder, 'cases.yaml'), cases('pass'));
  assert.equal(json('policy test', ['cases.yaml'], 1)['failed'], 1);
});

test('a policy judges alike, whether it is named by --policy or by WEIGHMARK_POLICY', () => {
  const checksOf = (args: readonly string[], env: Record<string, string>) => {
    const { status, stdout, stderr } = run(['verify', 'acme/enc:1.0', '--env', 'staging', '--json', ...args], env);
    const { verdicts } = JSON.parse(stdout) as { verdicts: { checks: { name: string; passed: boolean }[] }[] };
    return [status, verdicts[0]?.checks.map(({ name, passed }) => `${name} ${passed}`), stderr === ''];
  };
  const byOption = checksOf(['--policy', 'policy.yaml'], { WEIGHMARK_POLICY: '' });
  assert.deepEqual(checksOf([], { WEIGHMARK_POLICY: 'policy.yaml' }), byOption);
  assert.ok(String(byOption[1]).includes('lineage'), 'every rule is asked');
});
