import { createHash, createPublicKey, sign, type KeyObject } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { TAG, childAt, childrenOf, der, oidOf, readDer } from '../../../src/domain/pki/der.ts';

const POISON = '1.3.6.1.4.1.11129.2.4.3';

/** Starts a certificate transparency log that only promises (RFC 6962 section 4.2, add-pre-chain): what Fulcio asks for. */
export async function startCtLog(port: number, key: KeyObject): Promise<{ close(): void }> {
  const server = createServer((request, response) => void answer(request, response, key));
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return { close: () => server.close() };
}

/** SHA-256 of the log's SPKI. */
export function ctLogId(key: KeyObject): Buffer {
  return createHash('sha256')
    .update(createPublicKey(key).export({ format: 'der', type: 'spki' }))
    .digest();
}

async function answer(request: IncomingMessage, response: ServerResponse, key: KeyObject): Promise<void> {
  const body = Buffer.concat((await request.toArray()) as Buffer[]);
  if (request.url?.endsWith('/ct/v1/add-pre-chain') !== true) return void response.writeHead(404).end();
  const { chain } = JSON.parse(body.toString('utf8')) as { chain: string[] };
  const [precertificate, issuer] = chain.map((item) => Buffer.from(item, 'base64'));
  const timestamp = BigInt(Date.now());
  const signature = promise(withoutPoison(precertificate ?? Buffer.alloc(0)), {
    issuer: issuer ?? Buffer.alloc(0),
    timestamp,
    key,
  });
  const answered = {
    sct_version: 0,
    id: ctLogId(key).toString('base64'),
    timestamp: Number(timestamp),
    extensions: '',
    signature: signature.toString('base64'),
  };
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answered));
}

/** The digitally-signed struct of an SCT over a precertificate's TBS (RFC 6962 section 3.2). */
export function promise(tbs: Uint8Array, at: { issuer: Uint8Array; timestamp: bigint; key: KeyObject }): Buffer {
  const time = Buffer.alloc(8);
  time.writeBigUInt64BE(at.timestamp);
  const length = Buffer.alloc(3);
  length.writeUIntBE(tbs.length, 0, 3);
  const issuerKey =
    childrenOf(childAt(readDer(at.issuer), 0, TAG.sequence)).filter((part) => part.tag !== 0xa0)[5]?.raw ??
    Buffer.alloc(0);
  const keyHash = createHash('sha256').update(issuerKey).digest();
  const signature = sign(
    'sha256',
    Buffer.concat([Buffer.from([0, 0]), time, Buffer.from([0, 1]), keyHash, length, tbs, Buffer.from([0, 0])]),
    at.key,
  );
  const size = Buffer.alloc(2);
  size.writeUInt16BE(signature.length);
  return Buffer.concat([Buffer.from([4, 3]), size, signature]);
}

/** The certificate's TBS without the poison extension of a precertificate. */
function withoutPoison(precertificate: Uint8Array): Uint8Array {
  const parts = childrenOf(childAt(readDer(precertificate), 0, TAG.sequence)).map((part) => {
    if (part.tag !== 0xa3) return part.raw;
    const kept = childrenOf(childAt(part, 0, TAG.sequence)).filter(
      (extension) => oidOf(childAt(extension, 0, TAG.oid)) !== POISON,
    );
    return der(0xa3, der(TAG.sequence, ...kept.map(({ raw }) => raw)));
  });
  return der(TAG.sequence, ...parts);
}
