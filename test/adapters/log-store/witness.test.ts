import assert from 'node:assert/strict';
import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { createServer, type ServerResponse } from 'node:http';
import { describe, test, type TestContext } from 'node:test';
import { parseCheckpoint, type Checkpoint } from '../../../src/domain/tlog/checkpoint.ts';
import { verifyConsistency } from '../../../src/domain/tlog/merkle.ts';
import {
  COSIGNATURE_ED25519,
  COSIGNATURE_ML_DSA_44,
  cosignedMessage,
  formatSignature,
  formatVkey,
  keyId,
  parseNote,
  rawPublicKey,
  verifyNote,
  parseVkey,
} from '../../../src/domain/tlog/note.ts';
import { evaluateQuorum, parseLogPolicy } from '../../../src/domain/tlog/quorum.ts';
import { integrateLog, requireQuorum } from '../../../src/flows/registry/log.ts';
import { leafOf, scratchRegistry } from '../registries/scratch.ts';
import { listen } from '../registries/server.ts';

interface Witness {
  readonly vkey: string;
  readonly url: string;
  /** What it has cosigned last. */
  seen: Checkpoint | null;
  answers: number[];
}

/** A witness as c2sp.org/tlog-witness says: it cosigns what continues what it cosigned before. */
async function startWitness(
  t: TestContext,
  name: string,
  options: { logVkey: string; type?: number; signer?: KeyObject },
): Promise<Witness> {
  const { logVkey, type = COSIGNATURE_ED25519 } = options;
  const { publicKey, privateKey } =
    type === COSIGNATURE_ED25519 ? generateKeyPairSync('ed25519') : generateKeyPairSync('ml-dsa-44');
  const raw = rawPublicKey(publicKey);
  const witness: { seen: Checkpoint | null; answers: number[] } = { seen: null, answers: [] };
  const cosign = (text: string) => {
    const seconds = 1_800_000_000;
    const time = Buffer.alloc(8);
    time.writeBigUInt64BE(BigInt(seconds));
    const message = cosignedMessage(text, { name, type }, seconds) ?? Buffer.alloc(0);
    return formatSignature({
      name,
      id: keyId(name, type, raw),
      signature: Buffer.concat([time, sign(null, message, options.signer ?? privateKey)]),
    });
  };
  const server = createServer(
    (request, response) =>
      void request.toArray().then((chunks) => {
        const status = answer(Buffer.concat(chunks as Buffer[]).toString(), response, { witness, cosign, logVkey });
        witness.answers.push(status);
      }),
  );
  const host = await listen(server, t);
  return Object.assign(witness, { vkey: formatVkey(name, type, raw), url: `http://${host}` });
}

interface State {
  readonly witness: { seen: Checkpoint | null };
  readonly cosign: (text: string) => string;
  readonly logVkey: string;
}

function answer(body: string, response: ServerResponse, { witness, cosign, logVkey }: State): number {
  const split = body.indexOf('\n\n');
  const [old = '', ...proof] = body.slice(0, split).split('\n');
  const note = parseNote(body.slice(split + 2));
  const checkpoint = parseCheckpoint(note.text);
  const reply = (status: number, text = '') => {
    response.writeHead(status);
    response.end(text);
    return status;
  };
  if (verifyNote(note, [parseVkey(logVkey)]).length === 0) return reply(403);
  if (old !== `old ${witness.seen?.size ?? 0}`) return reply(409, `${witness.seen?.size ?? 0}\n`);
  const hashes = proof.map((line) => Buffer.from(line, 'base64'));
  if (witness.seen !== null && !verifyConsistency(hashes, witness.seen, checkpoint)) return reply(422);
  witness.seen = checkpoint;
  return reply(200, cosign(note.text));
}

describe('witnesses', () => {
  test('cosign a log as it grows; the quorum is met by their own signatures', async (t) => {
    const { open } = await scratchRegistry(t);
    const registry = await open();
    const logVkey = registry.log.vkeys.find((vkey) => vkey.length < 300) ?? '';
    const types =
      Number(process.versions.node.split('.')[0]) >= 24
        ? [COSIGNATURE_ED25519, COSIGNATURE_ML_DSA_44]
        : [COSIGNATURE_ED25519, COSIGNATURE_ED25519];
    const [first, second] = (await Promise.all(
      types.map((type, at) => startWitness(t, `w.example/${at}`, { logVkey, type })),
    )) as [Witness, Witness];
    const policy = `log ${logVkey}\nwitness W1 ${first.vkey} ${first.url}/\nwitness W2 ${second.vkey} ${second.url}\ngroup both all W1 W2\nquorum both\n`;
    for (const size of [1, 2, 300]) {
      await registry.log.append(Array.from({ length: size }, (_, at) => leafOf(size * 1000 + at)));
      const bare = await registry.log.checkpoint();
      assert.throws(
        () => requireQuorum(bare, policy),
        { code: 'no-rollback-protection' },
        'cosignatures do not carry over to another checkpoint',
      );
      const outcome = await integrateLog({ witnessPolicy: policy }, registry);
      assert.deepEqual([outcome.cosigned.toSorted(), outcome.refused, outcome.quorum?.met], [['W1', 'W2'], [], true]);
      assert.equal(outcome.quorum?.time, 1_800_000_000);
    }
    assert.equal(first.seen?.size, 303);
    assert.equal((await registry.log.verify()).size, 303, 'the log signature still stands');
    assert.throws(() => requireQuorum(null, policy), { code: 'no-rollback-protection' });
  });

  test('one that is away, refuses, or signs with another key is reported, and does not count', async (t) => {
    const { open } = await scratchRegistry(t);
    const registry = await open();
    await registry.log.append([leafOf(0)]);
    const logVkey = registry.log.vkeys.find((vkey) => vkey.length < 300) ?? '';
    const good = await startWitness(t, 'w.example/good', { logVkey });
    const liar = await startWitness(t, 'w.example/liar', {
      logVkey,
      signer: generateKeyPairSync('ed25519').privateKey,
    });
    const stranger = await startWitness(t, 'w.example/stranger', {
      logVkey: 'sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8',
    });
    const away = formatVkey(
      'w.example/away',
      COSIGNATURE_ED25519,
      rawPublicKey(generateKeyPairSync('ed25519').publicKey),
    );
    const policy = [
      `witness good ${good.vkey} ${good.url}`,
      `witness liar ${liar.vkey} ${liar.url}`,
      `witness stranger ${stranger.vkey} ${stranger.url}`,
      `witness away ${away} http://127.0.0.1:1`,
      'group two 2 good liar stranger away',
      'quorum two',
      '',
    ].join('\n');
    const outcome = await integrateLog({ witnessPolicy: policy }, registry);
    assert.deepEqual(outcome.cosigned, ['good']);
    assert.deepEqual(outcome.refused.map(({ witness }) => witness).toSorted(), ['away', 'liar', 'stranger']);
    assert.equal(outcome.quorum?.met, false);
    assert.equal((await registry.log.verify()).size, 1, "the liar's signature was not kept");
  });

  test('a witness that has seen another history does not cosign', async (t) => {
    const { open } = await scratchRegistry(t);
    const registry = await open();
    await registry.log.append([leafOf(0), leafOf(1)]);
    const logVkey = registry.log.vkeys.find((vkey) => vkey.length < 300) ?? '';
    const witness = await startWitness(t, 'w.example/w', { logVkey });
    witness.seen = { origin: registry.log.origin, size: 1, root: Buffer.alloc(32, 7) };
    const policy = `witness W ${witness.vkey} ${witness.url}\nquorum W\n`;
    const outcome = await integrateLog({ witnessPolicy: policy }, registry);
    assert.deepEqual(witness.answers, [409, 422]);
    assert.equal(outcome.quorum?.met, false);
    assert.equal(evaluateQuorum(parseLogPolicy(policy), []).met, false);
  });
});
