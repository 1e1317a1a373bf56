import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, describe, test } from 'node:test';
import { fillModel } from '../../fixtures/0.1/content.ts';
import { makeWorld } from '../../fixtures/0.1/make.ts';
import { AFTERWARDS, GOES_ON, READS } from '../frozen/cases.ts';
import { copyWorld, hold, holdAll, removeWorld, type Case } from '../frozen/run.ts';

/** A checkout of 0.1, ready to run; set by test/interop/frozen-0.1.sh. */
const FROZEN = process.env['WEIGHMARK_FROZEN'] ?? '';
const CURRENT = resolve('.');

/** Something new, made in a copy of a world of the current build, and what 0.1 may answer. */
interface New extends Case {
  /** Files changed by hand. */
  readonly change?: (folder: string) => void;
  /** Commands of the current build, in order. */
  readonly make?: readonly (readonly string[])[];
}

const SIGN_POLICY = ['sign', 'policy.yaml', '--key', 'keys/boss.key', '--signature', 'policy.yaml.sig'];
const REVOCATION = 'https://weighmark.dev/attestation/revocation/v1';
const SIGN_REVOCATION = [
  'attest',
  'acme/enc:1.0',
  '--type',
  REVOCATION,
  '--predicate',
  'predicate.json',
  '--key',
  'keys/rita.key',
];

/** What 0.1 refuses; untouched, each passes (READS). Whoever adds to a format adds a line: what is made, what 0.1 is asked, the codes that are right. */
const REFUSED: readonly New[] = [
  {
    what: 'a changed byte',
    change: (folder) => appendFileSync(join(folder, 'sealed/base-1/model.safetensors'), '!'),
    words: ['verify', 'sealed/base-1'],
    codes: [1],
    says: ['[digest-mismatch]'],
  },
  {
    what: 'a file more',
    change: (folder) => writeFileSync(join(folder, 'sealed/base-1/more.bin'), 'more'),
    words: ['verify', 'sealed/base-1'],
    codes: [1],
    says: ['[file-unsigned]'],
  },
  {
    what: 'a digest list of version 2',
    change: edit('sealed/base-1/.weighmark/files', 'weighmark-files/1', 'weighmark-files/2'),
    words: ['verify', 'sealed/base-1'],
    codes: [1],
    says: ['[digest-mismatch]'],
  },
  {
    what: 'a signature of a later bundle format',
    change: edit('sealed/base-1/model.sig', 'bundle.v0.3+json', 'bundle.v0.9+json'),
    words: ['verify', 'sealed/base-1'],
    codes: [1],
    says: ['[signature-malformed]'],
  },
  {
    what: 'a trust store of version 2',
    change: edit('home/config/weighmark/trust.yaml', 'version: 1', 'version: 2'),
    words: ['verify', 'sealed/base-1'],
    codes: [2],
    says: ['[trust-invalid]'],
  },
  {
    what: 'a policy that nobody signed again',
    change: edit('policy.yaml', 'version: 3', 'version: 4'),
    words: ['verify', 'acme/enc:1.0', '--env', 'prod'],
    codes: [1],
    says: ['[digest-mismatch]'],
  },
  {
    what: 'a policy of a later format',
    change: edit('policy.yaml', 'weighmark-policy/1', 'weighmark-policy/2'),
    make: [SIGN_POLICY],
    words: ['verify', 'acme/enc:1.0', '--env', 'prod'],
    codes: [2],
    says: ['[policy-invalid]'],
  },
  {
    what: 'a policy with a word that 0.1 does not know',
    change: edit('policy.yaml', 'environments:', 'formerly: {}\nenvironments:'),
    make: [SIGN_POLICY],
    words: ['verify', 'acme/enc:1.0', '--env', 'prod'],
    codes: [2],
    says: ['[policy-invalid]'],
  },
  {
    what: 'a registry of version 2',
    change: edit('registry/registry.json', '"version":1', '"version":2'),
    words: ['verify', 'acme/enc:1.0', '--env', 'prod'],
    codes: [1],
    says: ['[log-invalid]'],
  },
  {
    what: 'another history of the log',
    change: editLast('registry/log/tile/entries/000.p', '"env":"staging"', '"env":"stagine"'),
    words: ['log', 'verify'],
    codes: [1],
    says: ['[log-invalid]'],
  },
  {
    what: 'a log without its checkpoint',
    change: (folder) => rmSync(join(folder, 'registry/log/checkpoint')),
    words: ['log', 'verify'],
    codes: [1],
    says: ['[log-rollback]'],
  },
  {
    what: 'a revocation by a later build',
    make: [['revoke', 'acme/enc:1.0', '--reason', 'bad', '--key', 'keys/rita.key', '--yes']],
    words: ['verify', 'acme/enc:1.0', '--env', 'prod'],
    codes: [1],
    says: ['[revoked]'],
  },
  {
    what: 'a revocation of version 2',
    change: predicate({ version: 2, action: 'revoke', target: { kind: 'entry', index: 3 }, reason: 'void' }),
    make: [SIGN_REVOCATION],
    words: ['verify', 'acme/enc:1.0', '--env', 'prod'],
    codes: [1],
    says: ['[claim-malformed]'],
  },
  {
    what: 'a snapshot of version 2',
    change: predicate({ version: 2, action: 'snapshot', snapshot: {}, inForce: { number: 2 } }),
    make: [SIGN_REVOCATION],
    words: ['verify', 'acme/enc:1.0', '--env', 'prod'],
    codes: [1],
    says: ['[claim-malformed]'],
  },
  {
    what: 'a signer revoked by a later build',
    make: [
      [
        'revoke',
        '--identity',
        'cora',
        '--since',
        '2020-01-01T00:00:00Z',
        '--reason',
        'left',
        '--key',
        'keys/rita.key',
        '--yes',
      ],
    ],
    words: ['promote', 'acme/enc:1.3', '--env', 'staging', '--key', 'keys/ci.key'],
    codes: [1],
    says: ['[revoked]'],
  },
  {
    what: 'a failed evaluation by a later build',
    make: [
      [
        'attest',
        'acme/enc:1.3',
        '--type',
        'evaluation',
        '--result',
        'failed',
        '--metric',
        'accuracy=0.1',
        '--key',
        'keys/erin.key',
      ],
    ],
    words: ['promote', 'acme/enc:1.3', '--env', 'staging', '--key', 'keys/ci.key'],
    codes: [1],
    says: ['[claim-negative]'],
  },
];

describe(
  '0.1 on what the current build makes',
  { skip: FROZEN === '' ? 'run by test/interop/frozen-0.1.sh' : false, concurrency: 4 },
  () => {
    const worlds = mkdtempSync(join(tmpdir(), 'weighmark-worlds-'));
    const made = join(worlds, 'made');
    const going = copyWorld(resolve('fixtures/0.1/world'));
    if (FROZEN !== '') makeWorld(CURRENT, made);
    // What is copied while a command reads it may lose a file on the way: the memory of its database.
    const still = FROZEN === '' ? made : copyWorld(made);
    after(() => [worlds, going, still].forEach(removeWorld));

    test('it takes its own registry back, after the current build went on with it', async () => {
      fillModel(join(going, 'next'), 20);
      await holdAll({ folder: going, checkout: CURRENT }, GOES_ON);
      await holdAll({ folder: going, checkout: FROZEN }, AFTERWARDS);
    });
    for (const each of READS) test(each.what, () => hold({ folder: made, checkout: FROZEN }, each));
    for (const each of REFUSED) test(`refused: ${each.what}`, () => refuse(still, each));
  },
);

function edit(path: string, from: string, to: string): (folder: string) => void {
  return (folder) => {
    const text = readFileSync(join(folder, path), 'latin1');
    if (!text.includes(from)) throw new Error(`${path} has no ${from}`);
    writeFileSync(join(folder, path), text.replaceAll(from, to), 'latin1');
  };
}

/** Later sizes of a partial tile repeat the earlier ones. */
function editLast(place: string, from: string, to: string): (folder: string) => void {
  return (folder) =>
    edit(join(place, String(Math.max(...readdirSync(join(folder, place)).map(Number)))), from, to)(folder);
}

function predicate(json: unknown): (folder: string) => void {
  return (folder) => writeFileSync(join(folder, 'predicate.json'), JSON.stringify(json));
}

async function refuse(made: string, { change, make = [], ...asked }: New): Promise<void> {
  const folder = copyWorld(made);
  change?.(folder);
  await holdAll(
    { folder, checkout: CURRENT },
    make.map((words) => ({ what: asked.what, words, codes: [0] })),
  );
  await hold({ folder, checkout: FROZEN }, asked);
  removeWorld(folder);
}
