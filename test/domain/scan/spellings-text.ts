import { Buffer } from 'node:buffer';
import type { Spelling } from './spellings-pickle.ts';

const of = (kind: string, path: string, text: string | Uint8Array): Spelling => ({
  kind,
  path,
  content: typeof text === 'string' ? Buffer.from(text) : text,
});

/** UTF-16 or UTF-32 of a text, big- or little-endian. */
function wide(text: string, unit: 2 | 4, big: boolean, mark: boolean): Buffer {
  const points = Array.from(mark ? `\ufeff${text}` : text, (character) => character.codePointAt(0) ?? 0);
  const bytes = Buffer.alloc(points.length * unit);
  for (const [at, point] of points.entries()) {
    if (big) bytes.writeUIntBE(point, at * unit, unit);
    else bytes.writeUIntLE(point, at * unit, unit);
  }
  return bytes;
}

const APPLY = 'python/object/apply:builtins.print';
const YAML: readonly Spelling[] = [
  of('a tag of Python', 'hparams.yaml', `!!${APPLY} [hello]\n`),
  of('a tag in escapes', 'hparams.yaml', `!!%70ython/object/%61pply:builtins.print [hello]\n`),
  of(
    'a tag by %TAG',
    'hparams.yaml',
    `%TAG !e! tag:yaml.org,2002:python/object/\n---\n!e!apply:builtins.print [hello]\n`,
  ),
  of(
    'a tag by a %TAG of half a word',
    'hparams.yaml',
    `%TAG !e! tag:yaml.org,2002:pyth\n---\n!e!on/object/apply:builtins.print [hello]\n`,
  ),
  of('a verbatim tag', 'hparams.yaml', `!<tag:yaml.org,2002:${APPLY}> [hello]\n`),
  of('a tag in the second document', 'hparams.yaml', `a: 1\n---\n!!%70ython/object/apply:builtins.print [hello]\n`),
  of('a tag deep inside', 'hparams.yaml', `a:\n  - b: !!%70ython/object/apply:builtins.print [hello]\n`),
  of('a tag in UTF-16BE', 'hparams.yaml', wide(`!!${APPLY} [hello]\n`, 2, true, true)),
  of('a tag in UTF-16LE', 'hparams.yaml', wide(`!!${APPLY} [hello]\n`, 2, false, true)),
];

const LAMBDA = '{"class_name": "Lambda", "config": {"function": ["YWJj", null, null]}, "x": -Infinity}';
const JSONS: readonly Spelling[] = [
  of('JSON with NaN', 'config.json', LAMBDA.replace('-Infinity', 'NaN')),
  of('JSON with -Infinity', 'config.json', LAMBDA),
  of('JSON with Infinity and a word of it in a text', 'config.json', LAMBDA.replace('-Infinity', '[Infinity, "NaN"]')),
  ...([2, 4] as const).flatMap((unit) =>
    [true, false].flatMap((big) =>
      [true, false].map((mark) => of(`JSON in UTF-${unit * 8}`, 'config.json', wide(LAMBDA, unit, big, mark))),
    ),
  ),
  of(
    'an index that leaves the folder',
    'model.safetensors.index.json',
    '{"metadata": {"total_size": NaN}, "weight_map": {"a": "../../x.safetensors"}}',
  ),
  of('a configuration nobody can read', 'config.json', '{"auto_map": {"AutoModel": "x.Y"'),
  of('a configuration nobody can read', 'tokenizer_config.json', "{'chat_template': 'x'}"),
];

const template = (text: string): Spelling =>
  of('a chat template', 'tokenizer_config.json', JSON.stringify({ chat_template: text }));
const TEMPLATES: readonly Spelling[] = [
  "{{ messages['__cla' ~ 'ss__'] }}",
  "{{ messages['__ssalc__'[::-1]] }}",
  "{{ messages['__CLASS__'.lower()] }}",
  "{{ messages['__CLASS__'|lower] }}",
  "{{ messages['_!class_!'.replace('!', '_')] }}",
  "{{ messages[['__cla', 'ss__']|join] }}",
  "{{ messages['%s%s' % ('__cla', 'ss__')] }}",
  "{% set a = '__cla' %}{% set b = 'ss__' %}{{ messages[a ~ b] }}",
  "{% set ns = namespace(a='__cla') %}{% set ns.a = ns.a ~ 'ss__' %}{{ messages[ns.a] }}",
  "{% for a in ['__cla'] %}{{ messages[a ~ 'ss__'] }}{% endfor %}",
  "{% macro m(a) %}{{ messages[a] }}{% endmacro %}{{ m('__cla' ~ 'ss__') }}",
  "{{ '{0.__class__.__mro__}'.format(messages) }}",
  "{{ '{a[0].x}'.format(a=messages) }}",
  "{{ messages|attr('__cla' ~ 'ss__') }}",
  "{{ messages|map(attribute='__cla' ~ 'ss__')|list }}",
  "{{ messages['abc__class__'[3:]] }}",
  "{{ messages[('_' * 2) ~ 'class' ~ ('_' * 2)] }}",
].map(template);

const GRAPH = (op: string): string =>
  `node {\n  name: "read"\n  op: "${op}"\n  attr { key: "dtype" value { type: DT_STRING } }\n}\n`;
const GRAPHS: readonly Spelling[] = [
  of(
    'a graph as text',
    'saved_model.pbtxt',
    `saved_model_schema_version: 1\nmeta_graphs {\n graph_def {\n${GRAPH('ReadFile')} }\n}\n`,
  ),
  of('a graph as text', 'graph.pbtxt', GRAPH('WriteFile')),
  of('a graph as text', 'graph.pbtxt', `node { name: 'x' op: 'PyFunc' }`),
  of('a graph as text', 'graph.pbtxt', 'node { name: "x" op: "Read" "File" }'),
  of('a graph as text', 'graph.pbtxt', 'library { function { node_def { op: "EagerPyFunc" } } }'),
  of('a graph as text', 'model.pbtxt', String.raw`node { name: "x" op: "\127riteFile" }`),
];

const CONFIGS: readonly Spelling[] = [
  of(
    'MLproject runs a command',
    'MLproject',
    'name: x\nentry_points:\n  main:\n    command: "python -c \'print(1)\'"\n',
  ),
  of(
    'MLflow imports code',
    'MLmodel',
    'flavors:\n  python_function:\n    loader_module: mlflow.pyfunc.model\n    model_code_path: model.py\n',
  ),
  of(
    'an index of its own',
    'python_env.yaml',
    'python: 3.11.0\ndependencies:\n- --extra-index-url http://packages.example.test/simple\n- thing\n',
  ),
  of('an index of its own', 'requirements.txt', '--index-url=http://packages.example.test/simple\nthing\n'),
  of(
    'an index of its own',
    'conda.yaml',
    'dependencies:\n- pip:\n  - --index-url http://packages.example.test/simple\n  - thing\n',
  ),
  of(
    'PMML that names a function',
    'model.pmml',
    '<?xml version="1.0"?><PMML><TransformationDictionary><DerivedField><Apply function="java.lang.Runtime.exec"><Constant>id</Constant></Apply></DerivedField></TransformationDictionary></PMML>',
  ),
];

export const TEXTS: readonly Spelling[] = [...YAML, ...JSONS, ...TEMPLATES, ...GRAPHS, ...CONFIGS];
