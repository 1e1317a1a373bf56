import assert from 'node:assert/strict';
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { LogEntry } from '../../src/domain/tlog/leaf.ts';
import { ociDigest } from '../../src/domain/digest/hex.ts';
import { filesBelow, makeModel, makeWorld, requireWhole, type Kill, type World } from './world.ts';
import { THOROUGH } from '../thorough.ts';

/** How many times each command is killed: as WEIGHMARK_KILLS says, or 10. Half at a change to the disk, half at a moment. */
const KILLS = Number(process.env['WEIGHMARK_KILLS'] ?? (THOROUGH ? 10 : 3));

let world: World;
before(() => {
  world = makeWorld();
});
after(() => world.remove());

interface Scenario {
  readonly command: string;
  /** The registry that changes. Default `reg`. */
  readonly place?: (at: number) => string;
  readonly prepare?: (at: number) => void;
  readonly words: (at: number) => readonly string[];
  /** What must hold once a repeat has finished. */
  readonly finished: (at: number, entries: readonly LogEntry[]) => Promise<void>;
}

const version = (at: number): string => String(1 + (at % 2));

const SCENARIOS: readonly Scenario[] = [
  {
    command: 'push',
    prepare: (at) => makeModel(join(world.folder, `pushed-${at}`)),
    words: (at) => ['push', `pushed-${at}`, `acme/p${at % 3}:v${at}`],
    finished: async (at, entries) => {
      const id = await (await world.open()).resolve(`acme/p${at % 3}`, `v${at}`);
      assert.equal(
        entries.filter(({ leaf }) => leaf.manifest === id).length,
        1,
        'logged once, however often it was tried',
      );
    },
  },
  {
    command: 'promote',
    words: (at) => ['promote', `acme/m:${version(at)}`, '--env', 'staging', '--key', 'ci.key'],
    finished: (at, entries) => requirePromoted(version(at), entries),
  },
  {
    command: 'approve',
    words: (at) => ['approve', `acme/m:${version(at)}`, '--env', 'prod', '--yes', '--key', 'bob.key'],
    finished: async (at, entries) => {
      const id = await (await world.open()).resolve('acme/m', version(at));
      assert.ok(entries.findLast(({ leaf }) => leaf.kind === 'claim')?.leaf.manifest === id);
    },
  },
  {
    command: 'revoke',
    words: (at) => [
      'revoke',
      '--key-fingerprint',
      ociDigest(`key ${at}`),
      '--since',
      '2020-01-01T00:00:00Z',
      '--reason',
      'lost',
      '--yes',
      '--key',
      'rita.key',
    ],
    finished: async (_, entries) => assert.equal(entries.at(-1)?.leaf.kind, 'revocation'),
  },
  {
    command: 'copy',
    place: (at) => `stick-${at}`,
    prepare: (at) => void world.ok('registry', 'init', `stick-${at}`),
    words: (at) => ['copy', `acme/m:${version(at)}`, `stick-${at}`],
    finished: async (at) => {
      const [here, there] = [await world.open(), await world.open(`stick-${at}`)];
      const id = await there.resolve('acme/m', version(at));
      const copied = (await there.claims('acme/m', id)).map((bundle) => ociDigest(bundle));
      for (const bundle of await here.claims('acme/m', id)) assert.ok(copied.includes(ociDigest(bundle)));
    },
  },
  {
    command: 'registry gc',
    prepare: (at) => makeGarbage(at),
    words: () => ['registry', 'gc'],
    finished: async () =>
      assert.deepEqual(
        filesBelow(join(world.folder, 'reg')).filter((path) => garbage.has(path)),
        [],
      ),
  },
];

for (const scenario of SCENARIOS) {
  test(`${scenario.command} killed ${KILLS} times: all is whole, what was acknowledged stays, a repeat finishes`, async (t) => {
    scenario.prepare?.(0);
    const { changes, milliseconds } = await world.measure(scenario.words(0));
    let killed = 0;
    for (let at = 1; at <= KILLS; at += 1) {
      scenario.prepare?.(at);
      const kill: Kill =
        at % 2 === 0 ? { change: 1 + Math.floor(Math.random() * changes) } : { after: Math.random() * milliseconds };
      if (await survives(scenario, at, kill)) killed += 1;
    }
    t.diagnostic(`${killed} of ${KILLS} were killed in the middle; ${changes} changes`);
    assert.ok(killed >= KILLS / 3, `only ${killed} of ${KILLS} were killed before they were done`);
  });
}

/** True if it was killed; what must hold then does. */
async function survives(
  { command, place: placeOf = () => 'reg', words, finished }: Scenario,
  at: number,
  kill: Kill,
): Promise<boolean> {
  const place = placeOf(at);
  const check = async (acknowledged: readonly LogEntry[]) =>
    requireWhole(await world.open(place), join(world.folder, place), { entries: acknowledged });
  const before = await check([]);
  const ended = await world.run(words(at), kill);
  const about = `${command}, ${JSON.stringify(kill)}: ${ended.stderr}`;
  if (ended.code !== null) assert.equal(ended.code, 0, about);
  const between = await check(before);
  if (ended.code === null) assert.equal((await world.run(words(at))).code, 0, about);
  await finished(at, await check(between));
  return ended.code === null;
}

/** The log's newest word, the tag and `verify --env` agree, and what the other version was told is older. */
async function requirePromoted(tag: string, entries: readonly LogEntry[]): Promise<void> {
  const registry = await world.open();
  const id = await registry.resolve('acme/m', tag);
  assert.equal(entries.findLast(({ leaf }) => leaf.kind === 'promotion' && leaf.env === 'staging')?.leaf.manifest, id);
  assert.equal(await registry.resolve('acme/m', 'staging'), id);
  world.ok('verify', `acme/m:${tag}`, '--env', 'staging');
}

/** Paths below the registry of what `registry gc` must remove. */
const garbage = new Set<string>();

/** What interrupted writes leave, long ago: blobs nobody names, temporary files everywhere, a model never finished. */
function makeGarbage(at: number): void {
  const orphan = (text: string): string => `blobs/sha256/${ociDigest(text).slice('sha256:'.length)}`;
  const made: Readonly<Record<string, string>> = {
    [`models/acme/m/${orphan(`orphan ${at}`)}`]: `orphan ${at}`,
    [`models/acme/never${at}/${orphan(`never ${at}`)}`]: `never ${at}`,
    [`models/acme/m/blobs/sha256/.${at}.tmp`]: 'torn',
    [`models/acme/m/.index.json.${at}.tmp`]: 'torn',
    [`log/.checkpoint.${at}.tmp`]: 'torn',
    [`log/tile/0/.000.${at}.tmp`]: 'torn',
    [`.copying.${at}.part/parts/sha256-0`]: 'torn',
  };
  for (const [path, text] of Object.entries(made)) {
    const file = join(world.folder, 'reg', path);
    mkdirSync(join(file, '..'), { recursive: true });
    writeFileSync(file, text);
    utimesSync(file, 0, 0);
    garbage.add(path);
  }
}
