import { createHash, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Json } from '../../src/domain/base/json.ts';
import { verify } from '../../src/index.ts';
import { isExplained, staleOf } from './differential-explained.ts';

/**
 * Bundles over one small model, each changed in one place: outside the signature, or inside and signed again by the same
 * key. `make DIR` writes them, `compare DIR` reads what another verifier accepts of them (`DIR/theirs.json`) and holds our
 * verdicts against it. What we accept and they refuse is explained in `differential-explained.ts`, or wrong.
 */
const FILES = { 'config.json': '{"a": 1}', 'sub/w.bin': 'weights', empty: '' };
const [command, folder = ''] = process.argv.slice(2);

type Change = (value: Json) => Json | undefined;
const CHANGES: Readonly<Record<string, Change>> = {
  dropped: () => undefined,
  null: () => null,
  number: () => 7,
  text: () => 'x',
  list: (value) => [value],
  object: (value) => ({ value }),
  'empty list': () => [],
  'empty object': () => ({}),
  'empty text': () => '',
  uppercase: (value) => (typeof value === 'string' ? value.toUpperCase() : undefined),
  padded: (value) => (typeof value === 'string' ? ` ${value}` : undefined),
  twice: (value) => (Array.isArray(value) ? [...value, ...value] : undefined),
  reversed: (value) => (Array.isArray(value) ? value.toReversed() : undefined),
  shortened: (value) => (Array.isArray(value) ? value.slice(1) : undefined),
  'with another field': (value) => (isObject(value) ? { ...value, 'x-other': 1 } : undefined),
  'with another item': (value) => (Array.isArray(value) ? [...value, 'other'] : undefined),
};

function isObject(value: Json): value is { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

interface Mutant {
  readonly name: string;
  readonly value: Json;
}

/** Every node of a document, changed in every way that changes it. */
function mutantsOf(document: Json, at = ''): Mutant[] {
  const own = Object.entries(CHANGES).flatMap(([how, change]) => {
    const value = change(document);
    const same = JSON.stringify(value) === JSON.stringify(document);
    return same || (value === undefined && (how !== 'dropped' || at === ''))
      ? []
      : [{ name: `${at || '/'} ${how}`, value }];
  });
  const entries: [string, Json][] = Array.isArray(document)
    ? document.map((item: Json, index): [string, Json] => [String(index), item])
    : isObject(document)
      ? Object.entries(document)
      : [];
  const inside = entries.flatMap(([key, child]) =>
    mutantsOf(child, `${at}/${key}`).map(({ name, value }) => ({ name, value: put(document, key, value) })),
  );
  return [...own.map(({ name, value }) => ({ name, value: value as Json })), ...inside];
}

function put(document: Json, key: string, value: Json | undefined): Json {
  if (Array.isArray(document))
    return document.flatMap((item: Json, index) =>
      String(index) !== key ? [item] : value === undefined ? [] : [value],
    );
  const { [key]: _old, ...rest } = document as { readonly [key: string]: Json };
  return value === undefined ? rest : { ...rest, [key]: value };
}

const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');

function statement(): Json {
  const resources = Object.entries(FILES)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, content]) => ({ name, algorithm: 'sha256', digest: sha256(content) }));
  const root = sha256(Buffer.concat(resources.map(({ digest }) => Buffer.from(digest, 'hex'))));
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: 'model', digest: { sha256: root } }],
    predicateType: 'https://model_signing/signature/v1.0',
    predicate: {
      serialization: { method: 'files', hash_type: 'sha256', allow_symlinks: false, ignore_paths: [] },
      resources,
    },
  };
}

function bundle(payload: string, key: KeyObject, publicDer: Uint8Array): Json {
  const type = 'application/vnd.in-toto+json';
  const pae = `DSSEv1 ${Buffer.byteLength(type)} ${type} ${Buffer.byteLength(payload)} ${payload}`;
  return {
    mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
    verificationMaterial: { publicKey: { hint: sha256(publicDer) }, tlogEntries: [] },
    dsseEnvelope: {
      payload: Buffer.from(payload).toString('base64'),
      payloadType: type,
      signatures: [{ sig: sign('sha256', Buffer.from(pae), key).toString('base64'), keyid: '' }],
    },
  };
}

function make(): void {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pem = publicKey.export({ type: 'spki', format: 'pem' });
  const signed = (value: Json): Json => bundle(JSON.stringify(value), privateKey, Buffer.from(pem));
  for (const [name, content] of Object.entries(FILES)) {
    mkdirSync(join(folder, 'model', name, '..'), { recursive: true });
    writeFileSync(join(folder, 'model', name), content);
  }
  const whole = signed(statement());
  const cases = [
    { name: 'as made', value: whole },
    ...mutantsOf(whole).map(({ name, value }) => ({ name: `bundle: ${name}`, value })),
    ...mutantsOf(statement()).map(({ name, value }) => ({ name: `statement: ${name}`, value: signed(value) })),
  ];
  mkdirSync(join(folder, 'bundles'), { recursive: true });
  cases.forEach(({ value }, index) => writeFileSync(join(folder, 'bundles', `${index}.sig`), JSON.stringify(value)));
  writeFileSync(join(folder, 'cases.json'), JSON.stringify(cases.map(({ name }) => name)));
  writeFileSync(join(folder, 'key.pub'), pem);
}

async function accepts(index: number): Promise<boolean> {
  const key = readFileSync(join(folder, 'key.pub'), 'utf8');
  const trust = [{ name: 'signer', anchor: { kind: 'key' as const, pem: key } }];
  const signature = join(folder, 'bundles', `${index}.sig`);
  const { verdict } = await verify(join(folder, 'model'), { trust, signature, claims: [] });
  return verdict.exitCode === 0;
}

async function compare(): Promise<void> {
  const names = JSON.parse(readFileSync(join(folder, 'cases.json'), 'utf8')) as string[];
  const theirs = JSON.parse(readFileSync(join(folder, 'theirs.json'), 'utf8')) as boolean[];
  const ours: boolean[] = [];
  for (const [index] of names.entries()) ours.push(await accepts(index));
  const wider = names.filter((name, index) => ours[index] === true && theirs[index] === false);
  const stricter = names.filter((_name, index) => ours[index] === false && theirs[index] === true);
  const both = ours.filter((verdict, index) => verdict === theirs[index]).length;
  console.log(`${names.length} bundles, ${both} judged alike, ${stricter.length} refused by us alone`);
  const wrong = [
    ...(ours[0] === true && theirs[0] === true ? [] : ['the bundle as made is refused']),
    ...wider.filter((name) => !isExplained(name)).map((name) => `accepted by us alone: ${name}`),
    ...staleOf(wider).map((name) => `explained, and not so any more: ${name}`),
  ];
  for (const line of wrong) console.log(line);
  process.exitCode = wrong.length > 0 ? 1 : 0;
}

if (command === 'make') make();
else await compare();
