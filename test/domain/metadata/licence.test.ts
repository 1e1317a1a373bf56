import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isSpdxExpression, licenceOf, licenceOfText } from '../../../src/domain/metadata/licence.ts';
import { huggingFacePurl, npmPurl, purlProblem, pypiPurl } from '../../../src/domain/metadata/purl.ts';

test('SPDX identifiers in any case, and words that mean exactly one', () => {
  assert.deepEqual(licenceOf('apache-2.0'), { kind: 'id', text: 'Apache-2.0' });
  assert.deepEqual(licenceOf('MIT License'), { kind: 'id', text: 'MIT' });
  assert.deepEqual(licenceOf('https://creativecommons.org/licenses/by-sa/4.0/'), { kind: 'id', text: 'CC-BY-SA-4.0' });
  assert.deepEqual(licenceOf('https://opensource.org/licenses/MIT'), { kind: 'id', text: 'MIT' });
});

test('licences without an SPDX identifier keep their name', () => {
  for (const name of ['gemma', 'llama3.1', 'openrail', 'constructor', '__proto__', 'BSD License'])
    assert.deepEqual(licenceOf(name), { kind: 'name', text: name });
});

test('"unknown" and "other" are no licence', () => {
  for (const text of ['unknown', 'Other', 'NOASSERTION', '', ' ']) assert.equal(licenceOf(text), null);
});

test('expressions follow SPDX annex D', () => {
  assert.deepEqual(licenceOf('mit or (apache-2.0 and GPL-2.0-only with classpath-exception-2.0)'), {
    kind: 'expression',
    text: 'MIT OR (Apache-2.0 AND GPL-2.0-only WITH Classpath-exception-2.0)',
  });
  assert.ok(isSpdxExpression('GPL-2.0+ OR LicenseRef-mine OR DocumentRef-x:LicenseRef-y'));
  for (const text of [
    'MIT OR',
    'OR MIT',
    'MIT Apache-2.0',
    '(MIT',
    'MIT)',
    'MIT WITH',
    'MIT WITH MITX',
    'MIT OR gemma',
    '()',
    '',
  ])
    assert.equal(isSpdxExpression(text), false, text);
  assert.equal(isSpdxExpression(`${'('.repeat(300)}MIT${')'.repeat(300)}`), false);
});

test('known licence texts are known by their own words', () => {
  assert.equal(
    licenceOfText(
      'MIT License\n\nPermission is hereby granted, free of charge, to any person obtaining a copy\nof this',
    )?.text,
    'MIT',
  );
  assert.equal(
    licenceOfText('   Apache License\n                           Version 2.0, January 2004')?.text,
    'Apache-2.0',
  );
  assert.equal(licenceOfText('All rights reserved.'), null);
});

test('purls are made only of what is a name there', () => {
  assert.equal(huggingFacePurl('google/gemma-3-270m'), 'pkg:huggingface/google/gemma-3-270m');
  assert.equal(huggingFacePurl('a/b', 'c'.repeat(40)), `pkg:huggingface/a/b@${'c'.repeat(40)}`);
  for (const name of ['./local/path', 'gpt2', '/abs/path', 'a/b/c', 'a/..', 'org/na me'])
    assert.equal(huggingFacePurl(name), undefined, name);
  assert.equal(pypiPurl('Scikit_Learn', '1.0'), 'pkg:pypi/scikit-learn@1.0');
  assert.equal(npmPurl('@scope/pkg', '1.0.0'), 'pkg:npm/%40scope/pkg@1.0.0');
});

test('purl syntax', () => {
  for (const good of [
    'pkg:npm/%40angular/animation@12.3.1',
    'pkg:generic/openssl@1.1.10g?download_url=https://x&checksum=sha256:de4d501267da',
    'pkg:golang/google.golang.org/genproto#googleapis/api',
    'pkg:huggingface/a/b@c',
  ])
    assert.equal(purlProblem(good), null, good);
  for (const bad of [
    'model.safetensors',
    'pkg:npm',
    'pkg:/x',
    'pkg:npm/',
    'pkg:npm/a b',
    'pkg:npm/%zz',
    'pkg:npm/x?=1',
  ])
    assert.notEqual(purlProblem(bad), null, bad);
});
