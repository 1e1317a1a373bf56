import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { createFiles } from '../../src/adapters/files/index.ts';
import { createUserSigners } from '../../src/adapters/keys/index.ts';
import { publicGoodRoot } from '../../src/adapters/sigstore/public-good.ts';
import type { Proof } from '../../src/adapters/sigstore/proof.ts';
import { createKeylessVerifier } from '../../src/adapters/sigstore/verifier.ts';
import { buildStatement, parseStatement } from '../../src/domain/claims/statement.ts';
import { mismatch } from '../../src/domain/trust/match.ts';

/**
 * `verify-bundle --bundle F (--certificate-identity I --certificate-oidc-issuer U | --key PEM) [--trusted-root F] FILE_OR_DIGEST`
 * and `sign-bundle --identity-token T --bundle F [--signing-config F] FILE`; exit 0 is success.
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    bundle: { type: 'string' },
    key: { type: 'string' },
    'certificate-identity': { type: 'string' },
    'certificate-oidc-issuer': { type: 'string' },
    'trusted-root': { type: 'string' },
    'signing-config': { type: 'string' },
    'identity-token': { type: 'string' },
    'in-toto': { type: 'boolean' },
    staging: { type: 'boolean' },
  },
});

const [command, subject] = positionals;
try {
  if (command === undefined || subject === undefined || values.bundle === undefined)
    throw new Error('a command, --bundle and a file or digest are needed');
  if (values.staging === true && values['trusted-root'] === undefined)
    throw new Error('the staging instance is not built in: name its --trusted-root');
  if (command === 'verify-bundle') await verifyBundle(values.bundle, subject);
  else if (command === 'sign-bundle') await signBundle(values.bundle, subject);
  else throw new Error(`${command} is not a command of the protocol`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}

async function verifyBundle(bundle: string, of: string): Promise<void> {
  const artifact = await digestOf(of);
  const trustedRoot =
    values['trusted-root'] === undefined ? {} : { trustedRoot: readFileSync(values['trusted-root'], 'utf8') };
  const key = values.key === undefined ? {} : { key: readFileSync(values.key, 'utf8') };
  const files = createFiles();
  const verifier = createKeylessVerifier(async () => publicGoodRoot(files, '/nonexistent'));
  const proof = await verifier.prove(readFileSync(bundle), { ...trustedRoot, ...key, artifact });
  requireIdentity(proof, trustedRoot);
  requireSubject(proof, artifact);
}

function requireIdentity({ signer }: Proof, trustedRoot: { trustedRoot?: string }): void {
  if (signer.kind === 'key') return;
  const { 'certificate-identity': identity, 'certificate-oidc-issuer': issuer } = values;
  if (identity === undefined || issuer === undefined) throw new Error('an identity and its issuer are needed');
  const difference = mismatch(signer, { kind: 'oidc', identity, issuer, ...trustedRoot });
  if (difference !== null) throw new Error(`${difference.what} is ${difference.found}, not ${difference.expected}`);
}

/** A statement must be about the artifact; a message signature was verified over it. */
function requireSubject({ payload }: Proof, artifact: Uint8Array): void {
  if (payload === null) return;
  const digest = Buffer.from(artifact).toString('hex');
  if (!parseStatement(payload).subject.some((item) => item.digest['sha256'] === digest))
    throw new Error('the statement is about another artifact');
}

async function signBundle(bundle: string, of: string): Promise<void> {
  const config = values['signing-config'] === undefined ? {} : { signingConfigFile: values['signing-config'] };
  const signer = await createUserSigners(createFiles(), {
    env: { SIGSTORE_ID_TOKEN: values['identity-token'] },
    options: { offline: false },
  }).keyless(config);
  const statement =
    values['in-toto'] === true
      ? readFileSync(of)
      : buildStatement(
          [{ name: of, digest: { sha256: Buffer.from(await digestOf(of)).toString('hex') } }],
          'https://sigstore.dev/conformance/v1',
          {},
        );
  await writeFile(bundle, await signer.sign(statement));
}

async function digestOf(of: string): Promise<Uint8Array> {
  if (!existsSync(of) && /^sha256:[0-9a-f]{64}$/.test(of)) return Buffer.from(of.slice(7), 'hex');
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(of)) hash.update(chunk as Buffer);
  return hash.digest();
}
