import { findingsOf } from '../../src/domain/base/verdict.ts';
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createFiles } from '../../src/adapters/files/index.ts';
import { makeAuthority, timestampToken } from '../adapters/sigstore/instance.ts';
import { createHasher } from '../../src/adapters/hasher/index.ts';
import { createVersionMemory } from '../../src/adapters/version-memory.ts';
import { createUserVerifier } from '../../src/adapters/sigstore/index.ts';
import { createRegistries } from '../../src/adapters/registries/index.ts';
import { PREDICATES, type Step } from '../../src/domain/claims/predicates.ts';
import { buildManifest, idsOf, type ManifestFile, type ManifestVersion } from '../../src/domain/digest/manifest.ts';
import { sha256Hex } from '../../src/domain/digest/hex.ts';
import { parsePolicy } from '../../src/domain/policy/parse.ts';
import type { Policy } from '../../src/domain/authority/types.ts';
import { approvalProperty } from '../../src/domain/authority/vsa.ts';
import type { ClaimSigner } from '../../src/domain/ports/signing.ts';
import type { Registry } from '../../src/domain/ports/registry.ts';
import type { GatePorts } from '../../src/flows/gate/gate.ts';
import { promote, type PromoteInput, type PromoteOutcome } from '../../src/flows/gate/promote.ts';
import { push } from '../../src/flows/registry/push.ts';
import { PRINCIPALS, bomOf, built, bundleFor, signBundle, type InputWords, type Name } from '../domain/policy/world.ts';

/** A real registry in a folder of its own, real files, claims really signed. */
export interface GateWorld {
  readonly folder: string;
  readonly registry: Registry;
  readonly ports: GatePorts;
  /** Pushes files with the claims that `say` makes for their id in a version (default 1); returns what it was pushed by, `sha256:…`. */
  readonly publish: (
    nameTag: string,
    files: Readonly<Record<string, string>>,
    say: (id: string) => readonly Uint8Array[],
    version?: ManifestVersion,
  ) => Promise<string>;
  readonly close: () => Promise<void>;
}

export async function gateWorld(now = new Date('2026-11-20T12:00:00Z')): Promise<GateWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'weighmark-gate-'));
  const env = {
    HOME: folder,
    XDG_CONFIG_HOME: join(folder, 'config'),
    XDG_STATE_HOME: join(folder, 'state'),
    XDG_DATA_HOME: join(folder, 'data'),
  };
  const registries = createRegistries({ env, cwd: folder, signal: new AbortController().signal, offline: true });
  await registries.init(join(folder, 'registry'), { origin: 'log.acme.example' });
  const registry = await registries.open(join(folder, 'registry'));
  const progress = { start: () => ({ advance: () => {}, end: () => {} }) };
  const hasher = createHasher();
  const ports: GatePorts = {
    clock: { now: () => now },
    progress,
    hasher: async () => hasher,
    keyless: async () => createUserVerifier(createFiles(), env),
    versions: createVersionMemory(createFiles(), join(folder, 'state')),
  };
  let count = 0;
  const publish: GateWorld['publish'] = async (nameTag, files, say, version = 1) => {
    const root = join(folder, `artifact-${(count += 1)}`);
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), text);
    }
    const id = idOf(files, version);
    await writeFile(
      join(root, 'claims.jsonl'),
      say(id)
        .map((bundle) => `${Buffer.from(bundle).toString()}\n`)
        .join(''),
    );
    const pushed = await push(
      { root, as: nameTag },
      { files: createFiles(), hasher: async () => hasher, progress },
      registry,
    );
    if (!idsOf(listOf(files)).includes(pushed.id)) throw new Error('another id');
    return pushed.id;
  };
  return { folder, registry, ports, publish, close: () => rm(folder, { recursive: true, force: true }) };
}

/** A world of its own for one test, closed after it. */
export async function inWorld(work: (world: GateWorld) => Promise<void>): Promise<void> {
  const world = await gateWorld();
  try {
    await work(world);
  } finally {
    await world.close();
  }
}

export function idOf(files: Readonly<Record<string, string>>, version: ManifestVersion = 1): string {
  return buildManifest(listOf(files), version).id;
}

function listOf(files: Readonly<Record<string, string>>): readonly ManifestFile[] {
  return Object.entries(files).map(([path, text]) => ({
    path,
    sizeBytes: Buffer.byteLength(text),
    sha256: sha256Hex(text),
  }));
}

export function signerOf(by: Name): ClaimSigner {
  return { description: by, sign: async (payload) => signBundle(by, payload) };
}

const AUTHORITY = makeAuthority('tsa.acme.example');
/** The PEM chain of the RFC 3161 server behind `datedSigner`. */
export const AUTHORITY_PEM = [AUTHORITY.certificate, AUTHORITY.root]
  .map((der) => `-----BEGIN CERTIFICATE-----\n${Buffer.from(der).toString('base64')}\n-----END CERTIFICATE-----\n`)
  .join('');

/** The same with a timestamp on each signature. */
export function datedSigner(by: Name, at: Date): ClaimSigner {
  const stamp = (signature: Uint8Array) => timestampToken(AUTHORITY, signature, at);
  return { description: by, sign: async (payload) => signBundle(by, payload, stamp) };
}

/** `hex` of `sha256:hex`. */
export function bare(id: string): string {
  return id.slice('sha256:'.length);
}

export const STAGES = `
  - name: staging
    require: [bom]
  - name: prod
    after: staging
    require: [bom, { claim: evaluation, where: predicate.result == "PASSED" }]
    approvals: 1`;

export function policyText(environments = STAGES, rest = ''): Buffer {
  const roles =
    'roles:\n  publisher: [dana]\n  trainer: [anna]\n  evaluator: [erin]\n  approver: [bob, carol]\n  promoter: [ci]\n  revoker: [rita, rob]\n  break-glass: [glen]';
  return Buffer.from(
    `format: weighmark-policy/1\nname: acme\nversion: 1\nexpires: 2030-01-01\nprincipals:\n${PRINCIPALS}\n${roles}\n${rest}\nenvironments:${environments}\n`,
  );
}

export const MODEL_FILES = { 'model.safetensors': 'weights', 'config.json': '{}' };

/** A described dataset, and a model trained on it with BOM, evaluation and approval. Returns both ids. */
export async function publishStory(
  world: GateWorld,
  options: { files?: Readonly<Record<string, string>>; tag?: string; without?: string } = {},
): Promise<{ dataset: string; model: string }> {
  const dataset = await world.publish('acme/data:1', { 'rows.csv': 'a,b\n1,2\n' }, (id) => [
    bundleFor({
      by: 'dana',
      type: PREDICATES.reference,
      about: bare(id),
      predicate: { attester: { id: 'dana' }, references: [] },
      name: 'acme/data',
    }),
  ]);
  const model = await world.publish(`acme/enc:${options.tag ?? '1.0'}`, options.files ?? MODEL_FILES, (id) =>
    modelClaims(id, dataset)
      .filter(([name]) => name !== options.without)
      .map(([, bundle]) => bundle),
  );
  return { dataset, model };
}

export function modelClaims(id: string, dataset: string): readonly (readonly [string, Uint8Array])[] {
  const about = bare(id);
  return [
    ['train', stepBundle('train', about, [{ role: 'dataset', of: 'acme/data', digest: { sha256: bare(dataset) } }])],
    ['bom', bundleFor({ by: 'anna', type: PREDICATES.bom, about, predicate: bomOf('Apache-2.0') })],
    [
      'evaluation',
      bundleFor({ by: 'erin', type: PREDICATES.evaluation, about, predicate: { result: 'PASSED', configuration: [] } }),
    ],
    ['approval', approvalBundle('bob', about)],
  ];
}

export function stepBundle(step: Step, about: string, inputs: readonly InputWords[], by: Name = 'anna'): Uint8Array {
  return bundleFor({ by, type: PREDICATES.provenance, about, predicate: built(step, inputs) });
}

export function approvalBundle(by: Name, about: string, environment = 'prod'): Uint8Array {
  const predicate = {
    verifier: { id: `https://acme.example/${by}`, policies: [] },
    timeCreated: '2026-11-19T13:00:00Z',
    properties: [approvalProperty(environment)],
  };
  return bundleFor({ by, type: PREDICATES.approval, about, predicate });
}

export async function promoteAs(
  world: GateWorld,
  by: Name,
  environment: string,
  over: Partial<PromoteInput> & { text?: Buffer } = {},
): Promise<PromoteOutcome> {
  const policyBytes = over.text ?? policyText();
  const policy: Policy = parsePolicy(policyBytes);
  const input = { target: { name: 'acme/enc', reference: '1.0' }, policy, policyBytes, environment, ...over };
  return promote(input, world.ports, { registry: world.registry, signer: async () => signerOf(by) });
}

/** With a timestamp by an authority that the promoter believes: without one no glass breaks. */
export async function breakGlassAs(
  world: GateWorld,
  by: Name,
  environment: string,
  over: Partial<PromoteInput> & { text?: Buffer; breakGlass: string },
): Promise<PromoteOutcome> {
  const policyBytes = over.text ?? policyText();
  const input: PromoteInput = {
    target: { name: 'acme/enc', reference: '1.0' },
    policy: parsePolicy(policyBytes),
    policyBytes,
    environment,
    timestampAuthorities: [AUTHORITY_PEM],
    ...over,
  };
  const signer = async () => datedSigner(by, world.ports.clock.now());
  return promote(input, world.ports, { registry: world.registry, signer });
}

/** What a verdict found, as tests name it. */
export const said = (verdict: Parameters<typeof findingsOf>[0]): readonly string[] =>
  findingsOf(verdict).map(({ code, message }) => `${code}: ${message}`);
