import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PREDICATES } from '../../../src/domain/claims/predicates.ts';
import { conforms } from '../../../src/domain/policy/conforms.ts';
import { parseCases } from '../../../src/domain/policy/cases.ts';
import { findingsOf } from '../../../src/domain/base/verdict.ts';
import { MODEL, PROD, bomOf, claim, codes, decide, facts, honest, policy, compileAnew } from './world.ts';

/** What scanners, BOMs, expressions and cases answer at their borders: nothing unread is a pass. */

const prod = (rule: string) => policy(`${PROD}\n    ${rule}`);

async function scanned(type: string, predicate: Record<string, unknown>, failOn: string): Promise<readonly string[]> {
  const scan = await claim({ by: 'erin', type, about: MODEL, predicate, at: '2026-11-19T00:00:00Z' });
  const evaluation = decide(facts([...Object.values(await honest()), scan]), prod(`scan: { failOn: ${failOn} }`));
  return findingsOf(evaluation).map(({ message }) => message.replace(/ \(.*/, ''));
}

const result = (...entries: readonly unknown[]) => ({ scanner: { result: entries } });
const scores = (...each: readonly unknown[]) => ({ id: 'V1', severity: each.map((score) => ({ score })) });

test('a vulnerability weighs what its worst score says, as a word or as CVSS counts; what cannot be read is critical', async () => {
  const weigh = (failOn: string, ...entries: readonly unknown[]) =>
    scanned(PREDICATES.vulns, result(...entries), failOn);
  for (const [score, severity] of [
    [9, 'critical'],
    ['8.9', 'high'],
    [7, 'high'],
    ['6.9', 'medium'],
    [4, 'medium'],
    [3.9, 'low'],
    ['LOW', 'low'],
    ['very bad', 'critical'],
    [null, 'critical'],
  ] as const) {
    assert.deepEqual(await weigh(severity, scores(score)), ['erin found V1'], `${score} from ${severity}`);
    const above = { critical: null, high: 'critical', medium: 'high', low: 'medium' }[severity];
    if (above !== null) assert.deepEqual(await weigh(above, scores(score)), [], `${score} is below ${above}`);
  }
  assert.deepEqual(await weigh('critical', scores('low', 'critical')), ['erin found V1'], 'the worst');
  assert.deepEqual(await weigh('low', scores('info', 'none')), [], 'harmless');
  for (const unread of [{ id: 'V1' }, scores(), { id: 'V1', severity: 'low' }, { id: 'V1', severity: ['low'] }])
    assert.deepEqual(await weigh('critical', unread), ['erin found V1'], JSON.stringify(unread));
  for (const nameless of [null, 'V1', [], {}]) assert.deepEqual(await weigh('critical', nameless), ['erin found']);
});

test('a scan whose result is no list has found something critical, of either kind', async () => {
  for (const predicate of [{}, { scanner: 'clean' }, { scanner: {} }, { scanner: { result: {} } }])
    assert.deepEqual(await scanned(PREDICATES.vulns, predicate, 'critical'), [
      'erin found a result that cannot be read',
    ]);
  for (const predicate of [{}, { attributes: {} }, { attributes: 'WEIGHMARK_SCANNED' }])
    assert.deepEqual(await scanned(PREDICATES.scai, predicate, 'critical'), [
      'erin found a result that cannot be read',
    ]);
});

test('a SCAI attribute is a finding by its prefix, and one that is no text is critical', async () => {
  const attributes = (...names: readonly unknown[]) => ({ attributes: names.map((attribute) => ({ attribute })) });
  const of = (failOn: string, ...names: readonly unknown[]) => scanned(PREDICATES.scai, attributes(...names), failOn);
  assert.deepEqual(await of('low', 'WEIGHMARK_SCAN_PASSED', 'HAS_SBOM'), []);
  assert.deepEqual(await of('medium', 'WEIGHMARK_FOUND_MEDIUM_PICKLE'), ['erin found WEIGHMARK_FOUND_MEDIUM_PICKLE']);
  assert.deepEqual(await of('high', 'FINDING_MEDIUM'), []);
  assert.deepEqual(await of('high', 'finding_high'), ['erin found finding_high']);
  assert.deepEqual(await of('critical', 7), ['erin found']);
  assert.deepEqual(await scanned(PREDICATES.scai, { attributes: ['PASSED'] }, 'critical'), ['erin found']);
});

test('each element that a BOM must have is missed where it is absent, empty or of another kind', async () => {
  const { bom: _, ...rest } = await honest();
  const judged = async (element: string, component: Record<string, unknown>, more: Record<string, unknown> = {}) => {
    const said = bomOf('MIT');
    const predicate = {
      ...said,
      ...more,
      metadata: { component: { type: 'machine-learning-model', licenses: [{ license: { id: 'MIT' } }], ...component } },
    };
    const bom = await claim({ by: 'anna', type: PREDICATES.bom, about: MODEL, predicate, at: '2026-11-19T00:00:00Z' });
    return codes(decide(facts([...Object.values(rest), bom]), prod(`bom: { minimum: [${element}] }`)));
  };
  const hashes = [{ alg: 'SHA-256', content: 'a'.repeat(64) }];
  const ways: readonly (readonly [string, readonly Record<string, unknown>[], readonly Record<string, unknown>[]])[] = [
    ['name', [{ name: 'enc' }], [{}, { name: ' ' }, { name: 7 }]],
    ['version', [{ version: '1' }], [{}, { version: '' }]],
    [
      'licence',
      [{ licenses: [{ expression: 'MIT' }] }, { licenses: [{ license: { name: 'MIT' } }] }],
      [{ licenses: [] }, { licenses: [{ license: 'MIT' }] }, { licenses: [{ expression: '' }] }, { licenses: 'MIT' }],
    ],
    [
      'supplier',
      [{ supplier: { name: 'acme' } }, { authors: [{ name: 'a' }] }],
      [{}, { supplier: {} }, { authors: [] }],
    ],
    ['hashes', [{ hashes }, { components: [{ name: 'w', hashes }] }], [{}, { hashes: [] }, { components: [{}] }]],
    [
      'datasets',
      [{ modelCard: { modelParameters: { datasets: [{ ref: 'd' }] } } }, { data: [{ name: 'd' }] }],
      [
        {},
        { modelCard: { modelParameters: { datasets: [] } } },
        { modelCard: 'x' },
        { modelCard: { modelParameters: 7 } },
      ],
    ],
    ['model-card', [{ modelCard: { modelParameters: {} } }], [{}, { modelCard: {} }]],
  ];
  for (const [element, there, missing] of ways) {
    for (const each of there) assert.deepEqual(await judged(element, each), [], `${element} ${JSON.stringify(each)}`);
    for (const each of missing) {
      const found = await judged(element, each);
      assert.ok(found.includes('bom-incomplete'), `${element} ${JSON.stringify(each)}: ${found.join()}`);
    }
  }
  assert.deepEqual(await judged('hashes', {}, { components: [{ name: 'w', hashes }] }), [], 'of a file beside it');
});

test('an expression that cannot be afforded, answered or compiled never holds', () => {
  const why = (source: string, data: Record<string, unknown> = {}) => compileAnew(source).ask(data).why;
  assert.equal(why('1 + 1'), 'it is neither true nor false');
  assert.equal(why('"true"'), 'it is neither true nor false');
  assert.match(why('a.b == 1', { a: {} }), /^it could not be evaluated: /);
  const long = { a: Array.from({ length: 20_000 }, (_, index) => index) };
  assert.equal(why('a.exists(x, a.exists(y, x == y + 1000000))', long), 'it would take too long on this much data');
  assert.equal(why('a == 1.5', { a: 1.5 }), 'it is true');
  for (const source of [
    'a.exists(x, x.exists(y, y.exists(z, z == 1)))',
    '"a".matches(b)',
    '"a".matches("a" + "b")',
    'a ==',
    '',
  ])
    assert.throws(() => compileAnew(source), { code: 'policy-invalid' }, source);
});

test('a schema’s borders are part of what fits, and what lies beyond is named with them', () => {
  const said = (schema: Parameters<typeof conforms>[0], value: Parameters<typeof conforms>[1]) =>
    conforms(schema, value).map(({ path, message }) => `${path} ${message}`.trim());
  const whole = { type: 'integer', minimum: 1, maximum: 3 } as const;
  assert.deepEqual(
    [0, 1, 3, 4].map((value) => said(whole, value).join()),
    ['must be at least 1', '', '', 'must be at most 3'],
  );
  const list = {
    type: 'array',
    items: { type: 'string', minLength: 1, maxLength: 2 },
    minItems: 1,
    maxItems: 2,
  } as const;
  assert.deepEqual(said(list, []), ['must have at least 1 items']);
  assert.deepEqual(said(list, ['a', 'b', 'c']), ['must have at most 2 items']);
  assert.deepEqual(said(list, ['a', 'abc']), ['/1 must have at most 2 characters']);
  assert.deepEqual(said({ type: 'array' }, [1, 'a', null]), []);
  const object = { type: 'object', minProperties: 1, additionalProperties: false } as const;
  assert.deepEqual(said(object, {}), ['must not be empty']);
  assert.equal(said(object, { a: 1 }).length, 1);
});

test('cases of a policy are read strictly', () => {
  const one = `name: a\n    environment: prod\n    artifact: enc\n    id: sha256:${'a'.repeat(64)}\n    claims: [c.jsonl]\n    at: 2026-11-20T12:00:00Z\n    expect:`;
  const parse = (text: string) => parseCases(Buffer.from(text), 'cases.yaml');
  assert.equal(parse(`cases:\n  - ${one} pass\n`)[0]?.expect, 'pass');
  assert.deepEqual(parse(`cases:\n  - ${one} [revoked]\n`)[0]?.expect, ['revoked']);
  for (const bad of [
    '',
    'cases: []',
    'cases: {}',
    `cases:\n  - ${one} fail\n`,
    `cases:\n  - ${one} []\n`,
    `cases:\n  - ${one} [no-such-code]\n`,
    `cases:\n  - ${one} pass\n    more: 1\n`,
    `cases:\n  - ${one} pass\nmore: 1\n`,
    `cases:\n  - ${one.replace('sha256:', 'sha512:')} pass\n`,
    `cases:\n  - ${one.replace('12:00:00Z', '12:00')} pass\n`,
  ])
    assert.throws(() => parse(bad), { code: 'policy-invalid' }, bad);
});
