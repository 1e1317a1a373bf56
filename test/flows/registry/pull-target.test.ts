import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createFiles } from '../../../src/adapters/files/index.ts';
import type { Registry } from '../../../src/domain/ports/registry.ts';
import { pull } from '../../../src/flows/registry/pull.ts';

const REACHED = new Error('the registry was asked');

/** A registry that is asked, and a staging that is opened, is work. */
function pullInto(target: string, only?: string): Promise<unknown> {
  const files = createFiles();
  const stagings = { open: () => Promise.reject(new Error('something was staged')) };
  const progress = { start: () => ({ advance: () => undefined, end: () => undefined }) };
  const registry = { resolve: () => Promise.reject(REACHED) } as unknown as Registry;
  const place = { name: 'acme/enc', reference: { kind: 'tag', tag: '1' } } as never;
  const input = { place, target, ...(only === undefined ? {} : { only }) };
  return pull(input, { files, stagings, progress }, registry);
}

test('a target that is taken is refused before anything is fetched or staged; a free one is not', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'weighmark-pull-'));
  const at = (name: string): string => join(folder, name);
  mkdirSync(at('empty'));
  mkdirSync(at('full'));
  writeFileSync(at('full/kept.txt'), 'kept');
  writeFileSync(at('file'), 'a file');
  await assert.rejects(pullInto(at('full')), { code: 'already-exists', message: `${at('full')} is not empty` });
  await assert.rejects(pullInto(at('file')), { code: 'already-exists', message: `${at('file')} is there already` });
  await assert.rejects(pullInto(at('file'), '*.json'), { code: 'already-exists' });
  await assert.rejects(pullInto(at('empty')), REACHED);
  await assert.rejects(pullInto(at('new')), REACHED);
  await assert.rejects(pullInto(at('full'), '*.json'), REACHED);
});
