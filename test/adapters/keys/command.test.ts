import assert from 'node:assert/strict';
import { generateKeyPairSync, verify } from 'node:crypto';
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createFiles } from '../../../src/adapters/files/index.ts';
import { splitArguments } from '../../../src/adapters/keys/arguments.ts';
import { commandSigner } from '../../../src/adapters/keys/command.ts';
import { createUserSigners } from '../../../src/adapters/keys/index.ts';
import { WeighmarkError } from '../../../src/domain/base/errors.ts';
import { parseBundle } from '../../../src/domain/claims/bundle.ts';
import { preAuthEncoding } from '../../../src/domain/claims/dsse.ts';

/** `--key exec:COMMAND`: a program holds the key, and is trusted with the bytes alone. */

const folder = mkdtempSync(join(tmpdir(), 'weighmark-command-'));
const at = (name: string, content: string | Buffer): string => {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
};
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' });
const keyFile = at('key.pem', privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
const publicKeyFile = at('key.pub', publicKey.export({ type: 'spki', format: 'der' }));
const PAYLOAD = Buffer.from('{"_type":"https://in-toto.io/Statement/v1"}');
const world = { env: process.env };

/** A program of these lines; `bytes` is its standard input, `key` the private key. */
function program(name: string, lines: string): string {
  const script = at(
    `${name}.mjs`,
    `import { sign } from 'node:crypto';
import { readFileSync, writeFileSync, writeSync } from 'node:fs';
const bytes = readFileSync(0);
const key = readFileSync(${JSON.stringify(keyFile)});
${lines}\n`,
  );
  return `"${process.execPath}" '${script}'`;
}

const GOOD = `writeSync(1, sign('sha384', bytes, key));`;

test('a program signs: its answer stands in the bundle, and verifies', async () => {
  const signers = createUserSigners(createFiles(), { ...world, options: { offline: false } });
  const signer = await signers.command({ command: program('good', GOOD), publicKeyFile });
  assert.match(signer.description, /^key SHA256:[0-9a-f]{64}$/);
  const { signature, key } = parseBundle(await signer.sign(PAYLOAD));
  assert.ok(verify('sha384', preAuthEncoding(PAYLOAD), publicKey, signature));
  assert.equal(key.kind, 'key');
  await assert.rejects(signers.command({ command: program('good', GOOD) }), { code: 'usage', message: /--public-key/ });
});

const FAILURES: readonly (readonly [string, string, RegExp])[] = [
  ['another key', `writeSync(1, Buffer.from('3006020101020101', 'hex'));`, /not by the public key/],
  ['another hash', `writeSync(1, sign('sha256', bytes, key));`, /not by the public key/],
  ['other bytes', `writeSync(1, sign('sha384', 'others', key));`, /not by the public key/],
  ['bare numbers', `writeSync(1, sign('sha384', bytes, { key, dsaEncoding: 'ieee-p1363' }));`, /two bare numbers/],
  ['base64', `console.log(sign('sha384', bytes, key).toString('base64'));`, /base64, not DER/],
  ['nothing', '', /it wrote nothing/],
  ['too much', `writeSync(1, Buffer.alloc(5000, 0x30));`, /more than 4096 bytes/],
  [
    'a failure',
    `console.error('PIN\\x1b[31m incorrect'); process.exit(3);`,
    /ended with 3: PIN.{0,12}\[31m incorrect$/,
  ],
];

for (const [what, lines, message] of FAILURES)
  test(`${what} from the program is no signature`, async () => {
    const sign = commandSigner(program(what.replaceAll(' ', '-'), lines), publicKey, world);
    await assert.rejects(sign(PAYLOAD), (error) => {
      assert.ok(error instanceof WeighmarkError);
      assert.equal(error.code, 'key-unusable');
      assert.match(error.message, message);
      assert.ok(!error.message.includes('\x1b'));
      return true;
    });
  });

test('one that never answers is ended, by time and by a signal', async () => {
  const waiting = program('waiting', 'setInterval(() => {}, 1 << 30);');
  await assert.rejects(commandSigner(waiting, publicKey, { ...world, timeoutMs: 10 })(PAYLOAD), {
    code: 'key-unusable',
    message: /no signature in 0\.01 s/,
  });
  const stop = new AbortController();
  const signed = commandSigner(waiting, publicKey, { ...world, signal: stop.signal })(PAYLOAD);
  stop.abort();
  await assert.rejects(signed, { code: 'interrupted' });
});

test('no shell reads it, and nothing of the working folder is run', async () => {
  assert.deepEqual(splitArguments(`a  'b c' "d'e" f""g '' h\\i $HOME;`), [
    'a',
    'b c',
    "d'e",
    'fg',
    '',
    'h\\i',
    '$HOME;',
  ]);
  assert.throws(() => splitArguments(`a 'b`), { code: 'usage' });
  assert.throws(() => commandSigner('', publicKey, world), { code: 'usage' });
  assert.throws(() => commandSigner('./sign.sh', publicKey, world), { code: 'usage', message: /relative path/ });
  const marker = join(folder, 'made');
  const harmless = commandSigner(`${program('args', GOOD)} ; touch ${marker}`, publicKey, world);
  await harmless(PAYLOAD);
  assert.ok(!existsSync(marker));
  const here = commandSigner('weighmark-signs-here', publicKey, { env: { PATH: `.:${'' /* empty: here */}` } });
  await assert.rejects(here(PAYLOAD), { code: 'key-unusable', message: /cannot be run/ });
});
