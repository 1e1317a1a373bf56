import { spawn } from 'node:child_process';
import { homedir } from 'node:os';
import { basename, delimiter, isAbsolute } from 'node:path';
import { verify, type KeyObject } from 'node:crypto';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { forTerminal } from '../../domain/base/text.ts';
import { TAG, childrenOf, readDer } from '../../domain/pki/der.ts';
import { curveOf } from '../../domain/pki/keys.ts';
import { splitArguments } from './arguments.ts';

/** A token may wait for a touch or a PIN. */
const TIMEOUT_MS = 120_000;
/** A DER signature by P-521 has at most 141 bytes. */
const MAX_SIGNATURE_BYTES = 4096;
const MAX_SAID_BYTES = 16 << 10;

export interface CommandWorld {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
}

/**
 * Signs by a program that holds the key: it gets the bytes on standard input and answers with an ECDSA signature in DER, over
 * the hash that goes with the curve. No shell; a program of the working folder is never run; what it answers is verified.
 * @param command the program and its arguments, as `splitArguments` reads them.
 * @throws WeighmarkError `usage` for no program, or one named by a relative path.
 */
export function commandSigner(
  command: string,
  key: KeyObject,
  world: CommandWorld,
): (bytes: Uint8Array) => Promise<Uint8Array> {
  const [program, ...args] = splitArguments(command);
  if (program === undefined) throw new WeighmarkError('usage', '--key exec: names no program');
  if (/[\\/]/.test(program) && !isAbsolute(program))
    throw new WeighmarkError('usage', `${program} is a relative path: it would be another program elsewhere`, {
      subject: program,
      hint: `name it by its whole path, or one on PATH: \`--key "exec:$PWD/${program.replace(/^\.\//, '')} …"\``,
    });
  const { hash } = curveOf(key);
  return async (bytes) => {
    const signature = await answerOf({ program, args }, bytes, world);
    if (isDerSignature(signature) && verify(hash, bytes, key, signature)) return signature;
    throw failed(program, ...whyNot(signature, hash));
  };
}

function isDerSignature(bytes: Uint8Array): boolean {
  try {
    const [r, s, ...others] = childrenOf(readDer(bytes));
    return r?.tag === TAG.integer && s?.tag === TAG.integer && others.length === 0;
  } catch {
    return false;
  }
}

function whyNot(answer: Uint8Array, hash: string): readonly [string, string?] {
  if (isDerSignature(answer))
    return [
      'its signature is not by the public key, or not over what it was given',
      `it must sign standard input with ${hash}, with the key that --public-key names`,
    ];
  if ([64, 96, 132].includes(answer.length))
    return ['it wrote a signature of two bare numbers, not in DER', '`pkcs11-tool … --signature-format openssl`'];
  if (answer.length > 0 && /^[A-Za-z0-9+/=\s]+$/.test(Buffer.from(answer).toString('latin1')))
    return ['it wrote base64, not DER', 'decode it: `… | base64 -d`, in a script of your own'];
  return [answer.length === 0 ? 'it wrote nothing' : 'what it wrote is no signature in DER'];
}

interface Invocation {
  readonly program: string;
  readonly args: readonly string[];
}

/** Programs are looked for in absolute folders only (security rule 23). */
async function answerOf({ program, args }: Invocation, bytes: Uint8Array, world: CommandWorld): Promise<Uint8Array> {
  const { env, signal, timeoutMs = TIMEOUT_MS } = world;
  signal?.throwIfAborted();
  const path = (env['PATH'] ?? '').split(delimiter).filter(isAbsolute).join(delimiter);
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env: { ...env, PATH: path }, cwd: homedir(), stdio: 'pipe' });
    const out: Buffer[] = [];
    const said: Buffer[] = [];
    const end = (error: WeighmarkError): void => {
      child.kill('SIGKILL');
      for (const stream of child.stdio) stream?.destroy();
      settle();
      reject(error);
    };
    const onAbort = (): void => end(new WeighmarkError('interrupted', 'interrupted'));
    const timer = setTimeout(() => end(failed(program, `it gave no signature in ${timeoutMs / 1000} s`)), timeoutMs);
    const settle = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    };
    signal?.addEventListener('abort', onAbort);
    child.once('error', (cause) => end(failed(program, `it cannot be run: ${cause.message}`)));
    child.stdin.once('error', () => {});
    child.stdin.end(bytes);
    child.stdout.on('data', (chunk: Buffer) => {
      out.push(chunk);
      if (sizeOf(out) > MAX_SIGNATURE_BYTES) end(failed(program, `it wrote more than ${MAX_SIGNATURE_BYTES} bytes`));
    });
    child.stderr.on('data', (chunk: Buffer) => {
      if (sizeOf(said) < MAX_SAID_BYTES) said.push(chunk);
    });
    child.once('close', (code) => {
      settle();
      if (code === 0) resolve(Buffer.concat(out));
      else reject(failed(program, `it ended with ${code ?? 'a signal'}: ${lastWords(said)}`));
    });
  });
}

function sizeOf(chunks: readonly Buffer[]): number {
  return chunks.reduce((sum, { length }) => sum + length, 0);
}

/** The end of what it said, on one line. */
function lastWords(said: readonly Buffer[]): string {
  const text = Buffer.concat(said).subarray(0, MAX_SAID_BYTES).toString('utf8');
  return (
    forTerminal(
      text
        .trim()
        .split(/\s*\n\s*/)
        .slice(-3)
        .join('; ')
        .slice(-500),
    ) || 'it said nothing'
  );
}

function failed(program: string, why: string, hint?: string): WeighmarkError {
  return new WeighmarkError('key-unusable', `${basename(program)} did not sign: ${why}`, {
    subject: program,
    ...(hint === undefined ? {} : { hint }),
  });
}
