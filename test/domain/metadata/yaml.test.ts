import { requireLinear } from '../../work.ts';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { frontMatter, readCard } from '../../../src/domain/metadata/card.ts';
import { parseYaml } from '../../../src/domain/metadata/yaml.ts';
import { WeighmarkError } from '../../../src/domain/base/errors.ts';
import { LIMITS } from '../../../src/domain/base/limits.ts';
import { file } from './support.ts';

const refused = (yaml: string, code = 'format-invalid') =>
  assert.throws(() => parseYaml(yaml, 'README.md'), { code }, yaml.slice(0, 60));

test('YAML 1.2: words stay words, dates stay text', () => {
  assert.deepEqual(parseYaml('a: no\nb: 2024-01-01\nc: 012\nd: [1, 2.5, true, null]\n', 'x'), {
    a: 'no',
    b: '2024-01-01',
    c: '012',
    d: [1, 2.5, true, null],
  });
});

test('duplicate keys, aliases, anchors, merges and tags are refused', () => {
  refused('a: 1\na: 2');
  refused('a: &x 1\nb: *x');
  refused('a: &x 1');
  refused('base: {k: 1}\nb:\n  <<: {k: 2}');
  refused('a: !!python/object:os.system x');
  refused('a: !custom x');
  refused('a: !!binary aGk=');
  refused('__proto__: {admin: true}');
  refused('a: 1\n---\nb: 2');
  refused('{a: 1');
});

test('an alias bomb takes the work of its text, not of what it would blow up to', async () => {
  const level = (_: unknown, index: number) =>
    `l${index + 1}: &l${index + 1} [${Array(9).fill(`*l${index}`).join(', ')}]`;
  await requireLinear(
    15,
    (levels) => () => refused(`l0: &l0 lol\n${Array.from({ length: levels }, level).join('\n')}`),
  );
});

test('depth and size are bounded before the parser sees them', () => {
  refused(`${'['.repeat(10_000)}${']'.repeat(10_000)}`, 'limit-exceeded');
  refused(`a: ${'{b: '.repeat(10_000)}`, 'limit-exceeded');
  refused('- '.repeat(5000), 'limit-exceeded');
  refused(Array.from({ length: 600 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n'), 'limit-exceeded');
  refused(' '.repeat(LIMITS.yamlBytes + 1), 'limit-exceeded');
});

test('whatever the text, the answer is a value or a refusal of ours', () => {
  fc.assert(
    fc.property(
      fc.string({
        unit: fc.constantFrom(
          'a',
          ':',
          ' ',
          '\n',
          '-',
          '[',
          ']',
          '{',
          '}',
          '&',
          '*',
          '!',
          '"',
          "'",
          '|',
          '>',
          '#',
          ',',
          '<',
          '?',
        ),
      }),
      (text) => {
        try {
          parseYaml(text, 'x');
        } catch (error) {
          assert.ok(error instanceof WeighmarkError, String(error));
        }
      },
    ),
    { numRuns: 300 },
  );
});

test('front matter is what stands between the first two fences', () => {
  assert.equal(frontMatter('---\na: 1\n---\n# x\n---\n'), 'a: 1\n');
  assert.equal(frontMatter('---\r\na: 1\r\n---\r\n'), 'a: 1\n');
  for (const none of ['# x\n---\na: 1\n---\n', '---\na: 1\n', '', 'text']) assert.equal(frontMatter(none), null);
});

test('front matter that is no mapping is refused; none at all says nothing', () => {
  assert.throws(() => readCard(file('README.md', '---\n- a\n---\n')), { code: 'format-invalid' });
  assert.deepEqual(readCard(file('README.md', '# Hello\n')), []);
  assert.deepEqual(readCard(file('README.md', '---\n---\n')), []);
});

test('a number that would be written otherwise stays the text it is', () => {
  assert.deepEqual(parseYaml('version: 1.10\nname: 0123\nid: 12345678901234567890\nplain: 1.5\ncount: 7\n', 'x'), {
    version: '1.10',
    name: '0123',
    id: '12345678901234567890',
    plain: 1.5,
    count: 7,
  });
});
