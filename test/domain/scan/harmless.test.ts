import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesOf, global, PROTO2, text } from '../formats/pickle/assemble.ts';
import { scan, told } from './build.ts';
import { HONEST } from './honest-pickles.ts';
import { npy } from './spellings-pickle.ts';

/** What honest people keep beside a model: nothing here may be above `low`. */
const TEXTS: Readonly<Record<string, string>> = {
  'labels.txt': 'iguana\njaguar\nkoala\n',
  'vehicles.txt': 'car\nbus\ntrain\n',
  'functions.txt': 'cos\nsin\ntan\n',
  'system.txt': 'cos\nsystem\nother\n',
  'val.txt': 'img_001\nimg_002\nimg_003\n',
  'images.csv': 'image\ncat01.png\ndog01.png\n',
  'ids.csv': 'id\n1\n2',
  'count.csv': 'count\n10',
  'inputs.txt': 'input_ids\nattention_mask',
  'requirements.txt': 'ipython\nnumpy\n',
  'top_level.txt': 'insights\nother_module\n',
  'parentheses.txt': '(iguana\njaguar\nkoala\n',
  'genome.fa': `${'N'.repeat(1000)}\nACGT\n`,
  'words.txt': 'Krabi\nLima\nFoo\nInk\nMoss\nSun\nVera\n',
  'cells.txt': 'cell\nindex\nR\n.\n',
  METADATA: 'Name: thing\n\nObjects are written with the tag `!!python/object`.\n',
  'loaders.py': 'import zipimport\n\ndef is_zip(loader):\n    return isinstance(loader, zipimport.zipimporter)\n',
  'tsconfig.json': '{ // as TypeScript reads it\n  "compilerOptions": {}, }',
  config: '{{ if .System }}{{ .System }}{{ end }}\n{{ .Prompt }}\n',
};

for (const [path, content] of Object.entries(TEXTS)) {
  test(`a text is a text: ${path}`, async () => {
    const result = await scan(path, content);
    assert.deepEqual([result.verdict, result.formats.includes('pickle')], ['pass', false], told(result));
  });
}

const PICKLES: readonly (readonly [what: string, ...parts: (Uint8Array | string)[]])[] = [
  ['plain data', PROTO2, '}', text('x'), 'K\x01s.'],
  ['plain data of protocol 0', "(lp0\nI1\naS'x'\na."],
  ['an octal number', PROTO2, 'I010\n.'],
  [
    'a time zone, by getattr',
    PROTO2,
    global('builtins', 'getattr'),
    '(',
    global('zoneinfo', 'ZoneInfo'),
    text('_unpickle'),
    'tR(',
    text('Europe/Rome'),
    'K\x01tR.',
  ],
  ['the type of None', PROTO2, global('builtins', 'type'), 'N\x85R.'],
  [
    'Optional[int]',
    PROTO2,
    global('_operator', 'getitem'),
    '(',
    global('typing', 'Union'),
    global('builtins', 'int'),
    global('builtins', 'type'),
    'N\x85R\x86tR.',
  ],
  [
    'list[int]',
    PROTO2,
    global('types', 'GenericAlias'),
    global('builtins', 'list'),
    global('builtins', 'int'),
    '\x85\x86R.',
  ],
  [
    'int | str',
    PROTO2,
    global('functools', 'reduce'),
    global('_operator', 'or_'),
    global('builtins', 'int'),
    global('builtins', 'str'),
    '\x86\x86R.',
  ],
  ['functools.partial(max)', PROTO2, global('functools', 'partial'), global('builtins', 'max'), '\x85R.'],
  ["scikit-learn's Bunch of before 0.22", PROTO2, global('sklearn.datasets.base', 'Bunch'), ')\x81}b.'],
];

for (const [what, ...parts] of PICKLES) {
  test(`a pickle that does nothing passes: ${what}`, async () => {
    const result = await scan('data.pkl', bytesOf(...parts));
    assert.equal(result.verdict, 'pass', told(result));
  });
}

for (const { what, reviewed, content } of HONEST) {
  test(`what libraries pickle is no alarm: ${what}`, async () => {
    const result = await scan('data.pkl', content);
    assert.equal(result.verdict, reviewed ? 'review' : 'pass', told(result));
  });
}

/** What pages, mails and build files are made of; a chat template has no reason to. */
const TEMPLATES = [
  '{{ config.items() }}',
  '{{ url_for("static", filename="x") }}',
  '{{ self.title() }}',
  '{{ cycler("a", "b").next() }}',
  '{% set j = joiner(", ") %}{{ j() }}',
];

for (const template of TEMPLATES) {
  test(`an ordinary template passes, and in a chat it does not: ${template}`, async () => {
    for (const path of ['page.html.jinja', 'mail.j2', 'Dockerfile.j2'])
      assert.equal((await scan(path, template)).verdict, 'pass', path);
    assert.equal((await scan('chat_template.jinja', template)).verdict, 'block');
  });
}

/** SciPy's own template, as a frozen distribution of any version holds it. */
const TEMPLATE = `
def _parse_args(self, a, b, loc=0, scale=1):
    return (a, b, ), loc, scale

def _parse_args_rvs(self, a, b, loc=0, scale=1, size=None):
    return self._argcheck_rvs(a, b, loc, scale, size=size)

def _parse_args_stats(self, a, b, loc=0, scale=1, moments='mv'):
    return (a, b, ), loc, scale, moments
`;

test("the text a distribution's state holds is SciPy's own", async () => {
  const state = [
    '}',
    '(',
    text('shapes'),
    text('a, b'),
    text('_parse_arg_template'),
    'X',
    Uint8Array.of(TEMPLATE.length & 255, TEMPLATE.length >> 8, 0, 0),
    TEMPLATE,
    'u',
  ];
  const result = await scan(
    'd.pkl',
    bytesOf(PROTO2, global('scipy.stats._continuous_distns', 'beta_gen'), ')\x81', ...state, 'b.'),
  );
  assert.equal(result.verdict, 'pass', told(result));
});

test('arrays that are saved one after another into one file pass', async () => {
  const one = npy("'<f4'", new Uint8Array(8), '(2,)');
  for (const path of ['arrays.npy', 'arrays.bin']) {
    const result = await scan(path, bytesOf(one, one, npy("'<i8'", new Uint8Array(8))));
    assert.deepEqual([result.verdict, result.findings], ['pass', []], told(result));
  }
});
