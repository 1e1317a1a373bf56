import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { FIND_IN_TABLE } from '../../src/cli/views/find-in-table.ts';
import { MOVE_DRAWING } from '../../src/cli/views/move-drawing.ts';
import { keyLine } from '../public-key.ts';
import { heldToSchema } from './schema.ts';
import { BARE, PROGRAM } from '../program.ts';

const PEOPLE = ['dana', 'tom', 'eva', 'bot', 'rita'];
let folder = '';

/** A name, a card and figures as an attacker would write them. */
const FILE = 'a`$(id)](javascript&colon;alert(1))\u{202e}&lt;&amp;.json';
const CARD =
  '---\nlicense: "<script>alert(1)</script>"\npipeline_tag: \'"><img src=x onerror=alert(2)>\'\ntags: ["![x](https://evil.example/x.png)"]\n---\n# <svg onload=alert(3)>\n';
const METRIC = '<script>alert(4)</script>|::error::\u{1b}[2J';

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'weighmark-report-'));
  for (const name of PEOPLE) ok(['keygen', name, '--no-password']);
  writeFileSync(join(folder, 'policy.yaml'), policy());
  ok(['registry', 'init', 'reg']);
  files('data', { 'rows.csv': 'a,b\n1,2\n', 'README.md': '---\nlicense: cc0-1.0\n---\n# rows\n' });
  ok(['seal', 'data', '--name', 'acme/data:1', '--key', 'dana.key']);
  ok(['push', 'data', 'acme/data:1']);
  files('model', {
    'config.json': '{"architectures":["<script>alert(5)</script>"],"model_type":"bert"}',
    'README.md': CARD,
    [FILE]: '{}',
  });
  ok(['seal', 'model', '--name', 'acme/enc:1.0', '--step', 'train', '--input', 'dataset=data', '--key', 'tom.key']);
  ok([
    'attest',
    'model',
    '--type',
    'evaluation',
    '--result',
    'passed',
    '--metric',
    `${METRIC}=0.9`,
    '--key',
    'eva.key',
  ]);
  ok(['push', 'model', 'acme/enc:1.0']);
  ok(['promote', 'acme/enc:1.0', '--env', 'staging', '--policy', 'policy.yaml', '--key', 'bot.key']);
});
after(() => rmSync(folder, { recursive: true, force: true }));

function files(name: string, contents: Readonly<Record<string, string>>): void {
  mkdirSync(join(folder, name));
  for (const [path, text] of Object.entries(contents)) writeFileSync(join(folder, name, path), text);
}

function policy(): string {
  const key = (name: string): string => keyLine(readFileSync(join(folder, `${name}.pub`), 'utf8'));
  return `format: weighmark-policy/1
name: acme
version: 1
expires: 2099-01-01
principals:
${PEOPLE.map((name) => `  ${name}: { keys: [${key(name)}] }`).join('\n')}
roles: { publisher: [dana], trainer: [tom], evaluator: [eva], promoter: [bot], revoker: [rita] }
environments:
  - name: staging
    require: [bom]
`;
}

interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(
  args: readonly string[],
  { cwd = folder, env = {} }: { cwd?: string; env?: Readonly<Record<string, string>> } = {},
): Ran {
  const clean = { ...BARE, HOME: folder, WEIGHMARK_REGISTRY: 'reg', ...env };
  return spawnSync(process.execPath, [PROGRAM, ...args], { cwd, encoding: 'utf8', env: clean });
}

function ok(args: readonly string[]): string {
  const { status, stdout, stderr } = run(args);
  assert.equal(status, 0, `${args.join(' ')}: ${stderr}${stdout}`);
  return stdout;
}

const POLICY = ['--policy', 'policy.yaml'];
const ARTIFACT = ['report', 'acme/enc:1.0', '--env', 'staging', ...POLICY];

test('CycloneDX declarations: a valid BOM that claims what is evidenced, links the evidence, and leaves to people what is theirs', () => {
  ok([...ARTIFACT, '--format', 'cyclonedx', '-o', 'declarations.cdx.json']);
  ok(['bom', 'validate', 'declarations.cdx.json']);
  const { declarations, definitions } = JSON.parse(
    readFileSync(join(folder, 'declarations.cdx.json'), 'utf8'),
  ) as Declared;
  const { controls } = JSON.parse(ok([...ARTIFACT, '--json'])) as {
    controls: readonly { framework: string; id: string; status: string }[];
  };
  const idsOf = (kept: (status: string) => boolean): readonly string[] =>
    controls.filter(({ status }) => kept(status)).map(({ framework, id }) => `${framework}:${id}`);
  assert.equal(definitions.standards.flatMap(({ requirements }) => requirements).length, controls.length);
  assert.deepEqual(
    declarations.claims.map((claim) => claim['bom-ref'].replace('claim:', '')),
    idsOf((status) => status !== 'human'),
  );
  const scored = declarations.attestations
    .flatMap(({ map }) => map)
    .filter(({ conformance }) => conformance !== undefined);
  assert.deepEqual(
    scored
      .filter(({ conformance }) => conformance?.score === 1)
      .map(({ requirement }) => requirement.replace('requirement:', '')),
    idsOf((status) => status === 'evidenced'),
  );
  assert.ok(declarations.claims.every(({ evidence }) => evidence.length > 0));
  const signed = declarations.evidence.find((each) => each['bom-ref'] === 'evidence:evaluation')?.data?.[0];
  assert.match(signed?.contents.url ?? '', /^ni:\/\/\/sha-256;[\w-]{43}$/);
});

interface Declared {
  readonly definitions: { readonly standards: readonly { readonly requirements: readonly object[] }[] };
  readonly declarations: {
    readonly claims: readonly { readonly 'bom-ref': string; readonly evidence: readonly string[] }[];
    readonly attestations: readonly {
      readonly map: readonly { readonly requirement: string; readonly conformance?: { readonly score: number } }[];
    }[];
    readonly evidence: readonly {
      readonly 'bom-ref': string;
      readonly data?: readonly { readonly contents: { readonly url: string } }[];
    }[];
  };
}

function withoutOurScripts(page: string): string {
  return [FIND_IN_TABLE, MOVE_DRAWING].reduce(
    (rest, script) => rest.replace(`<script>${script}</script>`, () => ''),
    page,
  );
}

/** Whatever a hostile name or card says, nothing acts: no control character, no element, link or command of theirs. */
function assertHarmless(whole: string, format: string): void {
  const text = withoutOurScripts(whole);
  assert.doesNotMatch(text, /[[\p{Cc}\u202a-\u202e\u2066-\u2069]--[\n]]/v);
  if (format !== 'text') assert.doesNotMatch(text, /<script|<img|<svg onload/i);
  if (format === 'markdown') assert.doesNotMatch(text, /\]\(javascript:/);
  assert.doesNotMatch(text, /^\s*::error::/m);
}

test('a report about an artifact: HTML that needs nothing else, Markdown, JSON as its schema says', () => {
  const page = ok([...ARTIFACT, '--format', 'html']);
  assert.match(page, /^<!doctype html>/);
  assert.match(page, /default-src &#39;none&#39;|default-src 'none'/);
  assert.doesNotMatch(
    withoutOurScripts(page),
    /<script|<link|src="|href="(?!#)|@import|url\(/i,
    'nothing from the network',
  );
  const digest = createHash('sha256').update(MOVE_DRAWING).digest('base64');
  assert.ok(page.includes(`script-src 'sha256-${digest}';`), 'the script that moves the picture, and no other');
  for (const text of ['Verified', 'trained-on', 'evaluation', 'ISO/IEC 42001']) assert.ok(page.includes(text), text);
  assertHarmless(page, 'html');
  assertHarmless(ok([...ARTIFACT, '--format', 'markdown']), 'markdown');
  assertHarmless(ok(ARTIFACT), 'text');
  const json = heldToSchema('report', ok([...ARTIFACT, '--json']));
  assert.equal((json['files'] as unknown[]).length, 3);
  assert.equal((json['promotions'] as { environment: string }[])[0]?.environment, 'staging');
});

test('--at says what was promoted at that moment, and nothing before it was', () => {
  const at = (date: string) =>
    heldToSchema('report', ok([...ARTIFACT, '--at', date, '--json']))['past'] as {
      promotion: { id: string; policyDigest: string } | null;
    };
  assert.equal(at('2001-01-01').promotion, null);
  const { promotion } = at('2098-12-31');
  assert.match(promotion?.id ?? '', /^sha256:/);
  assert.match(promotion?.policyDigest ?? '', /^sha256:/, 'under which policy, by its bytes');
  assert.equal(run([...ARTIFACT, '--at', 'yesterday']).status, 2);
});

test('--evidence verifies on a machine that knows nothing, by the commands its README gives', () => {
  ok([...ARTIFACT, '--evidence', 'evidence.tar', '-q']);
  const machine = mkdtempSync(join(folder, 'auditor-'));
  execFileSync('tar', ['-xf', join(folder, 'evidence.tar'), '-C', machine]);
  const elsewhere = join(machine, 'evidence');
  const readme = readFileSync(join(elsewhere, 'README'), 'utf8');
  const commands = readme.split('\n').flatMap((line) => /^ {2}weighmark (.+)$/.exec(line)?.[1] ?? []);
  assert.equal(commands.length, 3);
  const clean = { HOME: elsewhere, WEIGHMARK_REGISTRY: '' };
  for (const command of commands) {
    const words = [...command.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
    const { status, stderr, stdout } = run(words, { cwd: elsewhere, env: clean });
    assert.equal(status, 0, `${command}: ${stderr}${stdout}`);
  }
  const forged = commands[0]?.replace(/(?<='[0-9]+:)[A-Za-z0-9+/]{4}/, 'AAAA') ?? '';
  const words = [...forged.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
  const { status, stdout } = run(words, { cwd: elsewhere, env: clean });
  assert.equal(status, 1);
  assert.match(stdout, /error\[log-fork\]/, 'another checkpoint than the one brought along');
});

test('a report about a registry: versions, promotions judged, findings, revocations', () => {
  const json = heldToSchema('report-registry', ok(['report', ...POLICY, '--json']));
  const versions = json['versions'] as { name: string; missing: string[]; revoked: string | null }[];
  assert.deepEqual(
    versions.map(({ name, missing }) => [name, missing]),
    [
      ['acme/data', ['provenance', 'scan', 'evaluation']],
      ['acme/enc', ['scan']],
    ],
  );
  assert.deepEqual(
    (json['promotions'] as { by: string; ageDays: number; verdict: { exitCode: number } }[]).map(
      ({ by, ageDays, verdict }) => [by.split(' ')[0], ageDays, verdict.exitCode],
    ),
    [['bot', 0, 0]],
  );
  for (const format of ['html', 'markdown', 'text'])
    assertHarmless(ok(['report', ...POLICY, '--format', format]), format);
  heldToSchema('report-registry', ok(['report', '--json']));
  assert.equal(run(['report', '--env', 'staging']).status, 2);
});

test('the overview says who answers, what was evaluated, approved and licensed; it may run its one script and no other', () => {
  const json = heldToSchema('report-registry', ok(['report', ...POLICY, '--json']));
  const [data, encoder] = json['versions'] as Record<string, unknown>[];
  assert.match(encoder?.['owner'] as string, /^tom /);
  assert.deepEqual([encoder?.['evaluation'], encoder?.['approvedBy']], ['passed', []]);
  assert.deepEqual([data?.['evaluation'], data?.['licences'], data?.['version']], [null, ['CC0-1.0'], '1']);
  const page = ok(['report', ...POLICY, '--format', 'html']);
  const digest = createHash('sha256').update(FIND_IN_TABLE).digest('base64');
  assert.ok(page.includes(`script-src 'sha256-${digest}';`));
  assert.equal(page.match(/<script/g)?.length, 1);
  assert.match(page, /2 versions: 0 refused, 2 to look at, 0 in order/);
});

test('--site writes an overview and a page for each version, which link each other and nothing else', () => {
  const { status, stderr } = run(['report', ...POLICY, '--site', 'pages']);
  assert.equal(status, 0, stderr);
  assert.match(stderr, /2 pages and an overview/);
  const index = readFileSync(join(folder, 'pages', 'index.html'), 'utf8');
  const links = [...index.matchAll(/href="([^#"]+)"/g)].map(([, to = '']) => to);
  assert.equal(links.length, 2);
  for (const link of links) {
    const page = readFileSync(join(folder, 'pages', link), 'utf8');
    assertHarmless(page, 'html');
    const others = [...page.matchAll(/href="([^#"]+)"/g)].map(([, to = '']) => to);
    assert.equal(others[0], '../index.html');
    if (link.includes('encoder'))
      assert.ok(
        others.some((to) => to.startsWith('acme_data-')),
        'from the picture to the dataset',
      );
    for (const to of others) assert.ok(existsSync(join(folder, 'pages', 'models', to)), to);
    assert.doesNotMatch(page, />weighmark:[a-z]/, 'no notes of its own');
  }
  assert.match(readFileSync(join(folder, 'pages', links[1] ?? ''), 'utf8'), /<h1>acme\/enc 1\.0<\/h1>/);
  assert.equal(run([...ARTIFACT, '--site', 'pages']).status, 2);
});

test('a revoked dataset turns the registry’s page red', () => {
  ok(['revoke', 'acme/data:1', '--reason', '<script>alert(6)</script>', ...POLICY, '--key', 'rita.key', '--yes']);
  const { status, stdout } = run(['report', ...POLICY, '--json']);
  assert.equal(status, 1);
  const json = heldToSchema('report-registry', stdout);
  assert.deepEqual(
    (json['revocations'] as { by: string; reason: string }[]).map(({ by, reason }) => [by, reason]),
    [['rita', '<script>alert(6)</script>']],
  );
  assert.equal((json['versions'] as { revoked: string | null }[])[0]?.revoked, '<script>alert(6)</script>');
  const { changes } = json['changes'] as { changes: { what: string; name: string; by: string; says: string }[] };
  assert.deepEqual(
    changes.filter(({ what }) => what === 'revoked' || what === 'promoted').map(({ name, by }) => `${name} by ${by}`),
    ['acme/enc by bot', 'acme/data:1 by rita'],
    'in the order of the log, by the names people know',
  );
  const page = run(['report', 'acme/data:1', ...POLICY, '--format', 'html']).stdout;
  assert.match(page, /<div class="verdict bad" id="revoked"><strong class="bad">Revoked<\/strong>/);
  assert.match(page, /<strong>This version<\/strong>: .*alert\(6\).*<br>by rita, .*, log entry \d+/);
  for (const format of ['html', 'markdown', 'text'])
    assertHarmless(run(['report', ...POLICY, '--format', format]).stdout, format);
});

test('after a revocation report and audit say so, and where it still runs; a claim taken back is evidence of nothing', () => {
  const { status, stdout } = run([...ARTIFACT, '--json']);
  assert.equal(status, 1);
  const json = heldToSchema('report', stdout) as {
    serving: string[];
    verdict: { notes: string[]; checks: { findings?: { code: string }[] }[] };
  };
  assert.deepEqual(json.serving, ['staging']);
  assert.deepEqual(json.verdict.notes.slice(0, 1), ['still promoted to staging']);
  assert.deepEqual(
    [...new Set(json.verdict.checks.flatMap(({ findings }) => (findings ?? []).map(({ code }) => code)))],
    ['revoked'],
  );
  assert.match(run(ARTIFACT).stdout, /note +still promoted to staging/);
  assert.match(run([...ARTIFACT, '--format', 'html']).stdout, /Promoted to staging now/);
  const audited = run(['audit', ...POLICY]);
  assert.equal(audited.status, 1);
  assert.match(audited.stdout, /FAILED: acme\/enc in staging: .*revoked by rita.*should not be in use there/);

  const controlsOf = (text: string) =>
    (heldToSchema('report', text)['controls'] as { needs: string[]; status: string }[])
      .filter(({ needs }) => needs.includes('evaluation'))
      .map(({ status: each }) => each);
  const before = controlsOf(stdout);
  const claims = heldToSchema('report', stdout)['claims'] as {
    predicateType: string;
    bundle: string;
    counts: boolean;
  }[];
  const evaluation = claims.find(({ predicateType }) => predicateType.includes('test-result'));
  assert.equal(evaluation?.counts, true);
  ok([
    'revoke',
    'acme/enc:1.0',
    '--claim',
    `sha256:${evaluation?.bundle}`,
    '--reason',
    'measured on the training set',
    ...POLICY,
    '--key',
    'rita.key',
    '--yes',
  ]);
  const after = run([...ARTIFACT, '--json']).stdout;
  const taken = (
    heldToSchema('report', after)['claims'] as { bundle: string; counts: boolean; revoked: string | null }[]
  ).find(({ bundle }) => bundle === evaluation?.bundle);
  assert.deepEqual([taken?.counts, taken?.revoked], [false, 'measured on the training set']);
  assert.deepEqual(heldToSchema('report', after)['evaluations'], []);
  assert.notDeepEqual(controlsOf(after), before, 'a control that rested on it does no longer');
  assert.match(run([...ARTIFACT, '--format', 'markdown']).stdout, /revoked\\: measured on the training set/);
});

test('evidence packed after a revocation does not verify, on a machine that knows nothing', () => {
  assert.equal(run([...ARTIFACT, '--evidence', 'revoked.tar', '-q']).status, 1);
  const machine = mkdtempSync(join(folder, 'auditor-'));
  execFileSync('tar', ['-xf', join(folder, 'revoked.tar'), '-C', machine]);
  const elsewhere = join(machine, 'evidence');
  assert.match(readFileSync(join(elsewhere, 'report.html'), 'utf8'), /Promoted to staging now/);
  const commands = readFileSync(join(elsewhere, 'README'), 'utf8')
    .split('\n')
    .flatMap((line) => /^ {2}weighmark (.+)$/.exec(line)?.[1] ?? []);
  const answers = commands.map((command) => {
    const words = [...command.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
    const { status, stdout, stderr } = run(words, { cwd: elsewhere, env: { HOME: elsewhere, WEIGHMARK_REGISTRY: '' } });
    return [words[0], status, /error\[(.+?)\]/.exec(stdout + stderr)?.[1]];
  });
  assert.deepEqual(answers, [
    ['verify', 1, 'revoked'],
    ['lineage', 1, 'revoked'],
    ['log', 0, undefined],
  ]);
});
