import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { createServer } from 'node:http';
import { test, type TestContext } from 'node:test';
import {
  COSIGNATURE_ED25519,
  formatSignature,
  formatVkey,
  keyId,
  parseNote,
  rawPublicKey,
} from '../../../src/domain/tlog/note.ts';
import { integrateLog } from '../../../src/flows/registry/log.ts';
import { leafOf, scratchRegistry } from '../registries/scratch.ts';
import { listen } from '../registries/server.ts';

const NAME = 'w.example/w';
const { publicKey, privateKey } = generateKeyPairSync('ed25519');
const raw = rawPublicKey(publicKey);
const vkey = formatVkey(NAME, COSIGNATURE_ED25519, raw);

/** A cosignature line, under the witness's name and id or others. */
function line(text: string, { name = NAME, id = keyId(NAME, COSIGNATURE_ED25519, raw), seconds = 7 } = {}): string {
  const time = Buffer.alloc(8);
  time.writeBigUInt64BE(BigInt(seconds));
  return formatSignature({
    name,
    id,
    signature: Buffer.concat([time, sign(null, Buffer.from(`cosignature/v1\ntime ${seconds}\n${text}`), privateKey)]),
  });
}

type Answer = (text: string) => { readonly status: number; readonly body: string };

/** Asks a witness that answers so; its registry's newest checkpoint too. */
async function asked(
  t: TestContext,
  answer: Answer,
  runs = 1,
): Promise<{ readonly cosigned: readonly string[]; readonly why: string; readonly note: string }> {
  const { open } = await scratchRegistry(t);
  const registry = await open();
  await registry.log.append([leafOf(0), leafOf(1)]);
  const host = await listen(
    createServer(
      (request, response) =>
        void request.toArray().then((chunks) => {
          const body = Buffer.concat(chunks as Buffer[]).toString();
          const reply = answer(parseNote(body.slice(body.indexOf('\n\n') + 2)).text);
          response.writeHead(reply.status).end(reply.body);
        }),
    ),
    t,
  );
  const witnessPolicy = `witness W ${vkey} http://${host}\nquorum W\n`;
  let outcome = await integrateLog({ witnessPolicy }, registry);
  for (let run = 1; run < runs; run += 1) outcome = await integrateLog({ witnessPolicy }, registry);
  return {
    cosigned: outcome.cosigned,
    why: outcome.refused[0]?.why ?? '',
    note: (await registry.log.checkpoint()) ?? '',
  };
}

test("its own cosignature is taken out of an answer with others'; asked again, it replaces the older", async (t) => {
  const { cosigned, note } = await asked(
    t,
    (text) => ({
      status: 200,
      body: `${line(text, { name: 'other.example' })}${line(text)}${line(text, { id: '00000000' })}`,
    }),
    2,
  );
  assert.deepEqual(cosigned, ['W']);
  const names = parseNote(note).signatures.map(({ name, id }) => `${name} ${id}`);
  assert.equal(names.filter((each) => each === `${NAME} ${keyId(NAME, COSIGNATURE_ED25519, raw)}`).length, 1);
  assert.ok(
    !names.some((each) => each.startsWith('other.example') || each.endsWith('00000000')),
    "nobody else's is kept",
  );
});

for (const [what, answer, why] of [
  ['nothing', () => ({ status: 200, body: '' }), /not a signed note|signature/],
  [
    "only another's signature",
    (text) => ({ status: 200, body: line(text, { name: 'other.example' }) }),
    /did not cosign with its key/,
  ],
  [
    'only a signature under another id',
    (text) => ({ status: 200, body: line(text, { id: '00000000' }) }),
    /did not cosign with its key/,
  ],
  [
    'a signature of another checkpoint',
    (text) => ({ status: 200, body: line(text.replace('\n2\n', '\n3\n')) }),
    /does not verify/,
  ],
  ['a cosignature with an error', (text) => ({ status: 500, body: line(text) }), /answers 500/],
  ['that it knows a longer log', () => ({ status: 409, body: '3\n' }), /longer log/],
  ['a conflict without a size', () => ({ status: 409, body: 'no\n' }), /longer log/],
  ['a conflict over the size it named itself', () => ({ status: 409, body: '1\n' }), /answers 409/],
] as const satisfies readonly (readonly [string, Answer, RegExp])[]) {
  test(`a witness that answers ${what} has not cosigned, and nothing of it is kept`, async (t) => {
    const outcome = await asked(t, answer);
    assert.deepEqual(outcome.cosigned, []);
    assert.match(outcome.why, why);
    assert.ok(!outcome.note.includes(NAME));
  });
}
