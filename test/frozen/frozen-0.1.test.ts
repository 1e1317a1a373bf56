import assert from 'node:assert/strict';
import { appendFileSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { after, describe, test } from 'node:test';
import { fillModel } from '../../fixtures/0.1/content.ts';
import { findingsOf, verify } from '../../src/index.ts';
import { AFTERWARDS, GOES_ON, READS } from './cases.ts';
import { copyWorld, hold, holdAll, removeWorld, run, type Bench, type Case } from './run.ts';
import { PROGRAM } from '../program.ts';

const WORLD = resolve('fixtures/0.1/world');
const KEPT = JSON.parse(readFileSync(join(WORLD, 'log.json'), 'utf8')) as Readonly<
  Record<'origin' | 'size' | 'root' | 'vkeys', unknown>
>;

/** A certificate of one day in 2020: what later builds need not sign, and must not believe. */
const EXPIRED: Case = {
  what: 'verify: an expired certificate',
  words: ['verify', 'sealed/expired', '--by', 'acme'],
  codes: [1],
  says: ['[signer-untrusted]', 'has expired'],
};

/** Read by all, written to by none. */
/** The folder with the program's `bin`. */
const BUILD = dirname(dirname(PROGRAM));
const reading: Bench = { folder: copyWorld(WORLD), checkout: BUILD };
const going: Bench = { folder: copyWorld(WORLD), checkout: BUILD };
after(() => [reading, going].forEach(({ folder }) => removeWorld(folder)));

describe('what 0.1 made', { concurrency: 4 }, () => {
  test('this build goes on with the registry', async () => {
    fillModel(join(going.folder, 'next'), 20);
    await holdAll(going, [...GOES_ON, ...AFTERWARDS]);
    await hold(going, {
      what: 'from where 0.1 stopped',
      words: [
        'verify',
        'acme/enc:1.0',
        '--env',
        'prod',
        '--min-checkpoint',
        `${String(KEPT.size)}:${String(KEPT.root)}`,
      ],
      codes: [0],
    });
  });

  for (const each of [...READS, EXPIRED]) test(each.what, () => hold(reading, each));

  test('the log, byte for byte', async () => {
    const { origin, size, root, vkeys } = JSON.parse(
      (await run(reading, ['log', 'verify', '--json'])).text,
    ) as typeof KEPT;
    assert.deepEqual(
      { origin, size, root, vkeys },
      { origin: KEPT.origin, size: 72, root: KEPT.root, vkeys: KEPT.vkeys },
    );
  });

  test('the list, byte for byte', async () => {
    const artifactsOf = (json: string): unknown => (JSON.parse(json) as { artifacts: unknown }).artifacts;
    assert.deepEqual(
      artifactsOf((await run(reading, ['list', '--json'])).text),
      artifactsOf(readFileSync(join(WORLD, 'list.json'), 'utf8')),
    );
  });

  test('one changed byte, through the library', async () => {
    const folder = copyWorld(join(WORLD, 'sealed/base-1'));
    const trust = [
      { name: 'anna', anchor: { kind: 'key', pem: readFileSync(join(WORLD, 'keys/anna.pub'), 'utf8') } },
    ] as const;
    assert.equal((await verify(folder, { trust })).verdict.outcome, 'verified');
    appendFileSync(join(folder, 'model.safetensors'), '!');
    assert.deepEqual(
      findingsOf((await verify(folder, { trust })).verdict).map(({ code }) => code),
      ['digest-mismatch'],
    );
    removeWorld(folder);
  });
});
