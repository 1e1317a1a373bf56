import { generateKeyPairSync } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { TestContext } from 'node:test';
import { createFiles } from '../../src/adapters/files/index.ts';
import { createHasher } from '../../src/adapters/hasher/index.ts';
import { keySigner } from '../../src/adapters/keys/signer.ts';
import { createUserVerifier } from '../../src/adapters/sigstore/index.ts';
import type { TrustEntry } from '../../src/domain/claims/types.ts';
import type { ClaimSigner } from '../../src/domain/ports/signing.ts';
import type { Hasher } from '../../src/domain/ports/hasher.ts';
import type { SealInput, SealOutcome } from '../../src/flows/sign/seal.ts';
import { sign, type SignInput, type SignOutcome } from '../../src/flows/sign/sign.ts';
import { verify, type VerifyInput, type VerifyOutcome, type VerifyPorts } from '../../src/flows/verify/verify.ts';

/** One person with a key of their own, and the trust in it. */
export interface Person {
  readonly signer: ClaimSigner;
  readonly trust: TrustEntry;
  readonly pem: string;
}

/** A folder to work in, removed afterwards, with the real adapters. */
export interface ClaimsWorld {
  readonly folder: string;
  /** What the hasher was asked for, a call a line: `blake3 4 files`. */
  readonly hashed: string[];
  readonly person: (name: string, curve?: string) => Promise<Person>;
  /** Writes files below `name`; a value `-> target` makes a symbolic link. */
  readonly tree: (name: string, files: Readonly<Record<string, string | Uint8Array>>) => Promise<string>;
  readonly sign: (root: string, by: Person, more?: Partial<SignInput>) => Promise<SignOutcome>;
  readonly seal: (root: string, by: Person, more?: Partial<SealInput>) => Promise<SealOutcome>;
  readonly verify: (
    root: string,
    trust: readonly TrustEntry[],
    more?: Partial<VerifyInput>,
    ports?: Partial<VerifyPorts>,
  ) => Promise<VerifyOutcome>;
}

export const VECTORS = resolve(process.env['WEIGHMARK_VECTORS'] ?? '../shared/vectors');

/** Skips with the reason where the vectors are not there; in CI they must be. */
export function needVectors(t: TestContext): boolean {
  if (existsSync(VECTORS)) return true;
  if (process.env['CI'] === 'true') throw new Error(`the test vectors are missing: ${VECTORS}`);
  t.skip(`no test vectors at ${VECTORS}`);
  return false;
}

export async function claimsWorld(t: TestContext, now = new Date('2026-11-20T12:00:00Z')): Promise<ClaimsWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'weighmark-claims-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const files = createFiles();
  const hashed: string[] = [];
  const hasher = createHasher().then((own): Hasher => ({
    ...own,
    hash: (jobs, how) => (hashed.push(`${how.algorithms.join('+')} ${jobs.length} files`), own.hash(jobs, how)),
  }));
  const base = {
    files,
    hasher: async () => hasher,
    progress: { start: () => ({ advance: () => {}, end: () => {} }) },
    clock: { now: () => now },
  };
  const reading = (trust: readonly TrustEntry[]): VerifyPorts => ({
    ...base,
    trust: async () => trust,
    timestampAuthorities: async () => [],
    keyless: async () => createUserVerifier(files, { XDG_CONFIG_HOME: folder }),
  });
  const sealing = (by: Person) => ({
    ...base,
    signer: by.signer,
    locate: (path: string) => resolve(folder, path),
    registry: () => Promise.reject(new Error('no registry here')),
  });
  return {
    folder,
    hashed,
    person: (name, curve = 'prime256v1') => makePerson(folder, name, curve),
    tree: (name, content) => writeTree(join(folder, name), content),
    sign: (root, by, more = {}) => sign({ root, ...more }, { ...base, signer: by.signer }),
    seal: async (root, by, more = {}) =>
      (await import('../../src/flows/sign/seal.ts')).seal(
        { root, failOn: 'high', version: '0.0.0', ...more },
        sealing(by),
      ),
    verify: (root, trust, more = {}, ports = {}) =>
      verify({ root, shown: root.slice(folder.length + 1), ...more }, { ...reading(trust), ...ports }),
  };
}

async function makePerson(folder: string, name: string, curve: string): Promise<Person> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: curve });
  const keyFile = join(folder, `${name}.key`);
  await writeFile(keyFile, privateKey.export({ type: 'pkcs8', format: 'pem' }));
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const signer = await keySigner(createFiles(), { keyFile, password: async () => null });
  return { signer, pem, trust: { name, anchor: { kind: 'key', pem } } };
}

async function writeTree(root: string, content: Readonly<Record<string, string | Uint8Array>>): Promise<string> {
  await mkdir(root, { recursive: true });
  for (const [path, value] of Object.entries(content)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    if (typeof value === 'string' && value.startsWith('-> ')) await symlink(value.slice(3), join(root, path));
    else await writeFile(join(root, path), value);
  }
  return root;
}

export async function readJson(path: string): Promise<unknown> {
  return JSON.parse(await readFile(path, 'utf8'));
}

/** The findings' codes and what they name, for short assertions. */
export function refusals({ verdict }: VerifyOutcome): readonly string[] {
  return verdict.checks.flatMap((check) =>
    check.passed
      ? []
      : check.findings.map(({ code, subject }) => (subject === undefined ? code : `${code} ${subject}`)),
  );
}
