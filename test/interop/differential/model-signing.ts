import { createHash, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Json } from '../../../src/domain/base/json.ts';
import { verify } from '../../../src/index.ts';
import { mutantsOf } from './changes.ts';
import { bundleAt, judge, writeCases } from './judge.ts';
import { statement, writeModel } from './model.ts';

/**
 * Bundles over one small model, each changed in one place: outside the signature, or inside and signed again by the same
 * key. `make DIR` writes them, `compare DIR` reads what model_signing accepts of them and holds our verdicts against it.
 */
const [command, folder = ''] = process.argv.slice(2);

function bundle(payload: string, key: KeyObject, publicPem: Uint8Array): Json {
  const type = 'application/vnd.in-toto+json';
  const pae = `DSSEv1 ${Buffer.byteLength(type)} ${type} ${Buffer.byteLength(payload)} ${payload}`;
  const hint = createHash('sha256').update(publicPem).digest('hex');
  return {
    mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
    verificationMaterial: { publicKey: { hint }, tlogEntries: [] },
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
  writeModel(folder);
  const whole = signed(statement());
  writeCases(folder, [
    { name: 'as made', bundle: whole },
    ...mutantsOf(whole).map(({ name, value }) => ({ name: `bundle: ${name}`, bundle: value })),
    ...mutantsOf(statement()).map(({ name, value }) => ({ name: `statement: ${name}`, bundle: signed(value) })),
  ]);
  writeFileSync(join(folder, 'key.pub'), pem);
}

async function accepts(index: number): Promise<boolean> {
  const key = readFileSync(join(folder, 'key.pub'), 'utf8');
  const trust = [{ name: 'signer', anchor: { kind: 'key' as const, pem: key } }];
  const signature = bundleAt(folder, index);
  const { verdict } = await verify(join(folder, 'model'), { trust, signature, claims: [] });
  return verdict.exitCode === 0;
}

if (command === 'make') make();
else await judge(folder, 'model_signing 1.1.1', accepts);
