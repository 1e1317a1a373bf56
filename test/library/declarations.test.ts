import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import * as library from '../../src/index.ts';
import { declarationsText, libraryPage, publicDeclarations } from './declarations.ts';

const folder = mkdtempSync(join(tmpdir(), 'weighmark-declarations-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const declarations = publicDeclarations(folder);

function held(path: string, text: string, why: string): void {
  if (process.env['UPDATE'] === '1') writeFileSync(path, text);
  assert.ok(isDeepStrictEqual(readFileSync(path, 'utf8'), text), `${path}: ${why} (UPDATE=1 writes it)`);
}

test('what users of the package see is what it was: a change is a new version', () => {
  held('test/library/declarations.txt', declarationsText(declarations), 'the public declarations changed');
});

test('the page of the library says what the docstrings say', () => {
  held('docs/library.md', libraryPage(declarations), 'the docstrings changed');
});

test('every export is declared, and every function has a docstring', () => {
  const declared = new Set(declarations.map(({ name }) => name));
  for (const name of Object.keys(library)) assert.ok(declared.has(name), name);
  for (const { name, doc, text } of declarations)
    if (/\bfunction\b/.test(text)) assert.notEqual(doc, '', `${name} has no docstring`);
});
