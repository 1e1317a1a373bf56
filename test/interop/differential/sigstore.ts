import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Json } from '../../../src/domain/base/json.ts';
import { verify } from '../../../src/index.ts';
import { ISSUER, makeInstance } from '../../adapters/sigstore/instance.ts';
import { flipsOf, mutantsOf } from './changes.ts';
import { bundleAt, judge, writeCases } from './judge.ts';
import { statement, writeModel } from './model.ts';

/**
 * Bundles of a whole Sigstore in memory over one small model, and its trusted root, each changed in one place: every node of
 * their JSON, bits of every certificate, timestamp, signature and key, and what the log records, entered as it was changed.
 * `make DIR` writes them, `compare DIR VERIFIER` reads what that one accepts of them and holds our verdicts against it.
 */
const [command, folder = '', verifier = ''] = process.argv.slice(2);
const rootAt = (index: number): string => join(folder, 'roots', `${index}.json`);
/** Of bits, one in every so-manieth byte. */
const EVERY = 5;

interface Case {
  readonly name: string;
  readonly bundle: Json;
  readonly root: Json;
}

function make(): void {
  const cases = casesOf();
  writeModel(folder);
  mkdirSync(join(folder, 'roots'), { recursive: true });
  cases.forEach(({ root }, index) => writeFileSync(rootAt(index), JSON.stringify(root)));
  writeCases(folder, cases);
}

function casesOf(): readonly Case[] {
  const instance = makeInstance();
  const payload = JSON.stringify(statement());
  const root = JSON.parse(instance.trustedRoot) as Json;
  const made = (record: (body: Json) => Json = (body) => body): Json =>
    JSON.parse(Buffer.from(instance.bundle({ payload, record })).toString()) as Json;
  let recorded: Json = null;
  const bundle = made((body) => (recorded = body));
  const all = (document: Json) => [...mutantsOf(document), ...flipsOf(document, EVERY)];
  return [
    { name: 'as made', bundle, root },
    ...all(bundle).map(({ name, value }) => ({ name: `bundle: ${name}`, bundle: value, root })),
    ...mutantsOf(recorded).map(({ name }, index) => ({
      name: `log entry: ${name}`,
      bundle: made((body) => mutantsOf(body)[index]?.value ?? null),
      root,
    })),
    ...all(root).map(({ name, value }) => ({ name: `root: ${name}`, bundle, root: value })),
  ];
}

async function accepts(index: number): Promise<boolean> {
  const trustedRoot = readFileSync(rootAt(index), 'utf8');
  const anchor = { kind: 'oidc', identity: 'anna@example.com', issuer: ISSUER, trustedRoot } as const;
  try {
    const signature = bundleAt(folder, index);
    const { verdict } = await verify(join(folder, 'model'), {
      trust: [{ name: 'anna', anchor }],
      signature,
      claims: [],
    });
    return verdict.exitCode === 0;
  } catch {
    return false;
  }
}

if (command === 'make') make();
else await judge(folder, verifier, accepts);
