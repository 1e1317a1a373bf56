// Seals a folder with a fresh key and verifies it: `node examples/library/verify.ts` in a checkout.
import { generateKeyPairSync } from 'node:crypto';
import { appendFileSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findingsOf, keySigner, seal, verify } from '../../src/index.ts'; // in your project: from 'weighmark'

const folder = mkdtempSync(join(tmpdir(), 'weighmark-example-'));
writeFileSync(join(folder, 'model.bin'), 'weights');

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const keyFile = join(mkdtempSync(join(tmpdir(), 'weighmark-example-key-')), 'key.pem');
writeFileSync(keyFile, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });

const sealed = await seal(folder, { name: 'acme/example:1', signer: await keySigner(keyFile) });
console.log('sealed', sealed.id);

const trust = [
  { name: 'anna', anchor: { kind: 'key', pem: publicKey.export({ type: 'spki', format: 'pem' }).toString() } },
] as const;
const { verdict } = await verify(folder, {
  trust,
  onProgress: (label, done, total) => console.error(label, done, 'of', total),
});
console.log(verdict.outcome, verdict.id === sealed.id);

appendFileSync(join(folder, 'model.bin'), '!');
const tampered = await verify(folder, { trust });
console.log(
  tampered.verdict.outcome,
  findingsOf(tampered.verdict).map(({ code }) => code),
);
