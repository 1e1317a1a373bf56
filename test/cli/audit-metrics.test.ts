import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { checkOf, verdictOf, type Finding, type Verdict } from '../../src/domain/base/verdict.ts';
import { auditMetrics } from '../../src/cli/views/open-metrics.ts';
import { keyLine } from '../public-key.ts';
import { BARE, PROGRAM } from '../program.ts';

let folder = '';
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'weighmark-metrics-'));
  assert.equal(run('keygen boss --no-password').status, 0);
  const key = keyLine(readFileSync(join(folder, 'boss.pub'), 'utf8'));
  writeFileSync(
    join(folder, 'policy.yaml'),
    `format: weighmark-policy/1\nname: demo\nversion: 1\nexpires: 2099-01-01\nprincipals: { boss: { keys: [${key}] } }\nroles: { publisher: [boss], trainer: [boss], promoter: [boss] }\nenvironments: [{ name: prod }]\n`,
  );
  mkdirSync(join(folder, 'm'));
  writeFileSync(join(folder, 'm', 'config.json'), '{}');
  assert.equal(run('registry init reg').status, 0);
  assert.equal(run('seal m --name acme/m:1 --key boss.key').status, 0);
  assert.equal(run('push m').status, 0);
});
after(() => rmSync(folder, { recursive: true, force: true }));

function environment() {
  return { ...BARE, HOME: folder, WEIGHMARK_REGISTRY: 'reg', WEIGHMARK_POLICY: 'policy.yaml', NO_COLOR: '1' };
}

function run(line: string) {
  return spawnSync(process.execPath, [PROGRAM, ...line.split(' ')], {
    cwd: folder,
    encoding: 'utf8',
    env: environment(),
  });
}

/** Runs until something is there, then interrupts, once: a second signal would end it without a word. */
async function until(
  line: string,
  isThere: () => boolean,
): Promise<{ readonly code: number | null; readonly out: string }> {
  const child = spawn(process.execPath, [PROGRAM, ...line.split(' ')], { cwd: folder, env: environment() });
  let out = '';
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  const watching = setInterval(() => {
    if (!isThere()) return;
    clearInterval(watching);
    child.kill('SIGINT');
  }, 50);
  const code = await new Promise<number | null>((done) => child.once('close', done));
  clearInterval(watching);
  return { code, out };
}

const SAMPLE = /^([a-z_]+)\{((?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)*)\} (-?\d+)$/;

/** OpenMetrics 1.0, as far as gauges go: metadata before samples, each family once and in one piece, no series twice, `# EOF` last. */
function parsed(text: string): ReadonlyMap<string, number> {
  const lines = text.split('\n');
  assert.deepEqual(lines.splice(-2), ['# EOF', '']);
  const series = new Map<string, number>();
  const families = new Set<string>();
  let current = '';
  for (const line of lines) {
    const [, word = '', name = '', rest = ''] = /^# (TYPE|UNIT|HELP) ([a-z_]+) (.+)$/.exec(line) ?? [];
    if (word === 'TYPE') {
      assert.ok(!families.has(name), `${name} comes twice`);
      assert.equal(rest, 'gauge');
      families.add(name);
      current = name;
    } else if (word !== '') {
      assert.equal(name, current);
      if (word === 'UNIT') assert.ok(name.endsWith(`_${rest}`), 'a unit is the end of the name');
    } else {
      const [, sample, labels = '', value] = SAMPLE.exec(line) ?? [];
      assert.equal(sample, current, line);
      assert.ok(!series.has(`${sample}{${labels}}`), `${line} comes twice`);
      series.set(`${sample}{${labels}}`, Number(value));
    }
  }
  return series;
}

function verdict(...findings: readonly Finding[]): Verdict {
  return verdictOf({ subject: 'x', checks: [checkOf('content', [{ what: 'read' }], findings)] });
}

test('an audit as OpenMetrics: what holds, what does not, what is wrong by code; names cannot end their line', () => {
  const gone: Finding = { code: 'claim-missing', message: 'gone' };
  const id = `sha256:${'a'.repeat(64)}`;
  const series = parsed(
    auditMetrics(
      {
        log: verdict(),
        promotions: [
          { name: 'acme/enc', environment: 'prod', id, verdict: verdict() },
          {
            name: 'a"} 1\n# EOF\\',
            environment: 'prod',
            id,
            verdict: verdict(gone, gone, { code: 'revoked', message: '' }),
          },
          { name: 'acme/gone', environment: 'prod', id: null, verdict: verdict() },
        ],
      },
      { registry: 'reg', version: '0.1.0', at: new Date('2026-11-30T00:00:00.900Z') },
    ),
  );
  const hostile = 'registry="reg",name="a\\"} 1\\\\u{a}# EOF\\\\",environment="prod"';
  assert.deepEqual(
    [...series],
    [
      ['weighmark_build_info{version="0.1.0"}', 1],
      ['weighmark_audit_timestamp_seconds{registry="reg"}', 1_795_996_800],
      ['weighmark_audit_log_ok{registry="reg"}', 1],
      [`weighmark_audit_promotion_ok{registry="reg",name="acme/enc",environment="prod",id="${id}"}`, 1],
      [`weighmark_audit_promotion_ok{${hostile},id="${id}"}`, 0],
      [`weighmark_audit_findings{${hostile},code="claim-missing"}`, 2],
      [`weighmark_audit_findings{${hostile},code="revoked"}`, 1],
    ],
  );
});

test('audit --metrics writes them, also of what is refused, and changes neither words nor exit code', () => {
  const [plain, measured] = [run('audit'), run('audit --metrics audit.prom')];
  assert.deepEqual([measured.status, measured.stdout], [plain.status, plain.stdout]);
  const series = parsed(readFileSync(join(folder, 'audit.prom'), 'utf8'));
  assert.equal(series.get('weighmark_audit_log_ok{registry="reg"}'), 1);
  assert.equal(run('audit --metrics no/such/../m.prom').status, plain.status);
});

test('watching keeps metrics and pages fresh: each round writes them anew, whole', async () => {
  const file = join(folder, 'watched.prom');
  assert.equal((await until('audit --watch 1h --metrics watched.prom', () => existsSync(file))).code, 130);
  parsed(readFileSync(file, 'utf8'));
  const page = join(folder, 'pages', 'index.html');
  const site = await until('report --site pages --watch 1h', () => existsSync(page));
  assert.equal(site.code, 130);
  assert.match(readFileSync(page, 'utf8'), /acme\/m:1/);
  const one = join(folder, 'one.html');
  const told = await until('report --watch 1h -o one.html', () => existsSync(one));
  assert.match(readFileSync(one, 'utf8'), /^<!doctype html>[^]*acme\/m:1/);
  for (const line of told.out.split('\n').filter((each) => each !== ''))
    assert.deepEqual(Object.keys(JSON.parse(line) as object), ['time', 'exitCode']);
});

test('watching needs an interval, a place, and the whole registry', () => {
  for (const [line, why] of [
    ['report --watch 1h', /needs a place to keep fresh/],
    ['report --watch 1s --site pages', /takes an interval such as 15m/],
    ['report acme/m:1 --watch 1h --site pages', /about the whole registry/],
    ['audit --watch soon', /takes an interval such as 15m/],
  ] as const) {
    const { status, stderr } = run(line);
    assert.deepEqual([status, why.test(stderr)], [2, true], stderr);
  }
});
