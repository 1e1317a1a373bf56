import { dirname } from 'node:path';
import { workersDetail } from '../../domain/bom/worker-digests.ts';
import { mergeClaims, splitClaims } from '../../domain/claims/claims-file.ts';
import { parseBundle, type Bundle } from '../../domain/claims/bundle.ts';
import { namesSameSigner } from '../../domain/claims/same-key.ts';
import type { OmsResource } from '../../domain/claims/oms.ts';
import { digestListPieces, type ListedFile } from '../../domain/digest/list.ts';
import { formatWeightsList, type ListedWeights } from '../../domain/weights/list.ts';
import { ByPath, pathOf } from '../../domain/base/by-path.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import { fact } from '../../domain/metadata/read.ts';
import type { DigestCheck } from '../../domain/metadata/check-digests.ts';
import type { Fact, MetadataProblem } from '../../domain/metadata/types.ts';
import type { Records } from '../../domain/ports/records.ts';
import type { ClaimSigner } from '../../domain/ports/signing.ts';
import type { Clock } from '../../domain/ports/terminal.ts';
import type { Severity } from '../../domain/scan/index.ts';
import { compareUtf8, sidecarsOf } from '../../domain/base/paths.ts';
import { confirmRoots } from '../data/confirm.ts';
import { describeArtifact } from '../bom/create.ts';
import { fileReader, type ReadFiles } from '../bom/read-files.ts';
import { weighArtifact, weightsFilesOf } from '../describe/weights.ts';
import type { FromParts } from './from-parts.ts';
import { baseName, omsPayload, signOms } from './oms-sign.ts';
import { resolveInputs } from '../registry/resolve-inputs.ts';
import { derivationStatement, recompute, type DerivationPorts, type SealedDerivation } from './seal-derivation.ts';
import { scanWeights, type ScanOptions } from '../content/scan.ts';
import { requireWritable } from './place.ts';
import { isUnchanged, readForSeal, scannedOf, type Scanned, type SealedContent } from './seal-content.ts';
import {
  bomStatement,
  packageStatement,
  recordsStatement,
  scanStatement,
  stepStatement,
  type SealFacts,
  type SealStep,
} from './seal-statements.ts';

export interface SealInput {
  /** Absolute path of a file or folder. */
  readonly root: string;
  /** `NAME:VERSION`, signed with every claim. */
  readonly name?: string;
  /** Where it came from: a URL, stated in the BOM. */
  readonly source?: string;
  readonly step?: {
    readonly step: SealStep['step'];
    readonly inputs: readonly string[];
    readonly parameters: SealStep['parameters'];
    /** False: the step is claimed, and not recomputed where that could be done. */
    readonly recompute?: boolean;
  };
  readonly failOn: Severity;
  /** Why files are sealed that are not what a downloader or store recorded; signed in the BOM. */
  readonly acceptConflict?: string;
  /** What is known to be bad, and what the caller's policy accepts. */
  readonly judging?: Pick<ScanOptions, 'index' | 'suppressions'>;
  /** Bind the record roots beside a dataset too; the key of those that are hashed under one. */
  readonly records?: { readonly secret: Uint8Array | null };
  readonly allowSymlinks?: boolean;
  /** Paths of the artifact that are left out; the signature says so. */
  readonly ignore?: readonly string[];
  readonly jobs?: number;
  /** Digests that workers found, instead of hashing everything here; the BOM says so. */
  readonly fromParts?: FromParts;
  /** Of weighmark. */
  readonly version: string;
}

export interface SealPorts extends DerivationPorts {
  /** Only for datasets whose record roots are bound. */
  readonly records?: () => Promise<Records>;
  readonly signer: ClaimSigner;
  readonly clock: Clock;
}

export interface SealOutcome {
  /** False: it was sealed already, and nothing was written. */
  readonly written: boolean;
  /** Findings that forbade sealing; then nothing was written. */
  readonly scan: Scanned;
  readonly id: string;
  readonly root: string;
  readonly name: string;
  readonly files: number;
  readonly sizeBytes: number;
  readonly signer: string;
  /** Titles of the claims written. */
  readonly claims: readonly string[];
  readonly packaged: boolean;
  /** Of a step that was recomputed, or could not be; null where nothing was at hand to do so. */
  readonly derivation: SealedDerivation | null;
  /** True: `model.sig` is another signer's and stays; the OMS signature is among the claims. */
  readonly foreign: boolean;
  readonly leftOut: readonly string[];
  /** What of the artifact is missing, unreadable or contradicted, by its own files. */
  readonly problems: readonly MetadataProblem[];
  /** Where the digests are from, if workers found them. */
  readonly fromParts: string | null;
  /** Who recorded digests that the files have; nobody signed those. */
  readonly recorded: readonly { readonly by: string; readonly files: number }[];
}

/**
 * Scan, BOM, digest list, claims and OMS signature of an artifact in one walk and one sign-in. What is read later is held to
 * the walk. Claims are written first, the OMS signature last: it is the commit point, so a kill leaves the old seal or a
 * new one. Sealing an unchanged artifact again changes nothing.
 * @throws WeighmarkError `empty-artifact`, `file-changed`, `claims-limit`, `write-refused`, and what the signer throws.
 */
export async function seal(input: SealInput, ports: SealPorts): Promise<SealOutcome> {
  await requirePlace(input.root, ports);
  const inputs = await resolveInputs(input.step?.inputs ?? [], ports);
  const startedOn = ports.clock.now().toISOString();
  const { content, recomputed, records, facts, scanned, bomPayload, problems, recorded } = await readAndDescribe(
    input,
    inputs,
    ports,
  );
  const derivation = recomputed?.found ?? null;
  const outcome = { ...outcomeOf({ content, scanned, facts }, ports), problems, recorded, derivation };
  const places = sidecarsOf(content.tree);
  const conflict = conflictIn(problems, input);
  if (scanned.blocking.length > 0 || conflict !== null) {
    await takeOutboardsBack(content, ports);
    if (scanned.blocking.length > 0 || conflict === null) return outcome;
    throw conflict;
  }
  const earlier = await readEarlier(content, ports);
  const step =
    input.step === undefined
      ? []
      : [{ title: `provenance (${input.step.step})`, payload: stepStatement(facts, { ...input.step, inputs }) }];
  const packaged = packageStatement(facts, earlier.list);
  const shown = recomputed === null ? null : derivationStatement(facts, recomputed, input.version);
  const run = { version: input.version, startedOn, finishedOn: ports.clock.now().toISOString() };
  const fixed = [
    { title: 'ML-BOM', payload: bomPayload },
    ...(records === null ? [] : [{ title: 'dataset records', payload: recordsStatement(facts, records) }]),
    ...step,
    ...(shown === null ? [] : [{ title: 'verified derivation', payload: shown }]),
    ...(packaged === null ? [] : [{ title: 'provenance (package)', payload: packaged }]),
  ];
  await stillTheSame(content, ports);
  const signature = await signFiles(
    content,
    { earlier, others: fixed.map(({ payload }) => payload), place: places.signature },
    ports,
  );
  if (signature.known) return outcome;
  const statements = [...fixed, { title: 'scan', payload: scanStatement(facts, scanned, run) }];
  const bundles: Uint8Array[] = [];
  for (const { payload } of statements) bundles.push(await signClaim(payload, ports.signer));
  const foreign = signature.foreign ? [signature.bundle] : [];
  await ports.files.write(
    places.claims,
    mergeClaims(earlier.claims, [...earlierSignature(earlier, packaged !== null), ...bundles, ...foreign]),
  );
  await ports.files.write(places.digestList, { pieces: () => digestListPieces(facts.files) });
  if (facts.weights === null) await ports.files.remove(places.weights);
  else await ports.files.write(places.weights, facts.weights);
  await ports.files.write(places.bom, facts.bom);
  if (!signature.foreign) await ports.files.write(places.signature, signature.bundle);
  return {
    ...outcome,
    written: true,
    claims: statements.map(({ title }) => title),
    packaged: packaged !== null,
    foreign: signature.foreign,
  };
}

/** All that is read of the artifact: what of a million files only the BOM is made of is let go with this call. */
async function readAndDescribe(input: SealInput, inputs: Awaited<ReturnType<typeof resolveInputs>>, ports: SealPorts) {
  const read = fileReader({ ...signalOf(ports), forBom: true });
  const judging = judgingOf(input);
  const content = await readForSeal(input, { reader: read, judging }, ports);
  const recomputed =
    input.step === undefined || input.step.recompute === false
      ? null
      : await recompute({ step: input.step.step, texts: input.step.inputs, inputs, child: content.tree }, ports);
  const records = input.records === undefined ? null : await rootsOf(content, input.records, ports);
  const { identities, ...described } = await describe(input, content, { ports, records, read });
  const scanned = scannedOf(content.looked, scanWeights(identities, judging), input.failOn);
  return { content, recomputed, records, scanned, ...described };
}

/**
 * The OMS signature, whose payload is let go with it: of a million files it is hundreds of megabytes.
 * @returns also whether that and all else that would be signed is signed already.
 */
async function signFiles(
  { tree, files, ignored }: SealedContent,
  { earlier, others, place }: { earlier: Earlier; others: readonly Uint8Array[]; place: string },
  ports: SealPorts,
): Promise<Awaited<ReturnType<typeof signOms>> & { readonly known: boolean }> {
  const { payload } = omsPayload({ tree, resources: files.map((file) => new SignedWhole(file)), ignore: ignored });
  const signature = await signOms(payload, place, ports);
  return { ...signature, known: isSealed(earlier, [...others, payload], signature.bundle) };
}

/** A file of the list as a resource of the signature. */
class SignedWhole implements OmsResource {
  readonly #file: ListedFile;

  constructor(file: ListedFile) {
    this.#file = file;
  }

  get path(): string {
    return this.#file.path;
  }

  get digest(): string {
    return this.#file.sha256;
  }
}

/** Before anything is read. Where everything is sealed already nothing is written. @throws WeighmarkError `write-refused`. */
async function requirePlace(root: string, { files }: SealPorts): Promise<void> {
  const kind = (await files.kindOf(root)) === 'file' ? 'file' : 'directory';
  if ((await files.kindOf(sidecarsOf({ root, kind }).signature)) === 'none')
    await requireWritable(kind === 'file' ? dirname(root) : root, SEAL_ELSEWHERE, files);
}

const SEAL_ELSEWHERE =
  'seal lays its files beside the content: copy it to where you may write and seal it there, or sign alone: `weighmark sign PATH --signature FILE`';

/** What a downloader recorded and the files are not; null if there is none, or its reason is signed. */
function conflictIn(problems: readonly MetadataProblem[], { acceptConflict }: SealInput): WeighmarkError | null {
  const conflict = problems.find(({ code }) => code === 'download-conflict');
  if (conflict === undefined || acceptConflict !== undefined) return null;
  return new WeighmarkError('download-conflict', conflict.message, {
    subject: conflict.path,
    hint: 'fetch it again, or say why it differs: `--accept-conflict REASON` (signed)',
  });
}

/** What was laid beside the files for a seal that does not come; an earlier seal's stay. */
async function takeOutboardsBack({ tree, outboards }: SealedContent, ports: SealPorts): Promise<void> {
  const wasSealed = (await ports.files.kindOf(sidecarsOf(tree).digestList)) !== 'none';
  for (const outboard of wasSealed ? [] : outboards) await ports.files.remove(outboard);
}

function judgingOf({ judging = {}, name }: SealInput): ScanOptions {
  const colon = name?.lastIndexOf(':') ?? -1;
  return {
    ...judging,
    ...(name === undefined || colon < 0
      ? {}
      : { name: { name: name.slice(0, colon), version: name.slice(colon + 1) } }),
  };
}

async function describe(
  input: SealInput,
  { tree, files, elements, fromParts }: SealedContent,
  { ports, records, read }: { readonly ports: SealPorts; readonly records: string | null; readonly read: ReadFiles },
): Promise<
  { facts: SealFacts; identities: readonly ListedWeights[]; bomPayload: Uint8Array } & Pick<
    SealOutcome,
    'problems' | 'recorded'
  >
> {
  const digests = new ByPath(files, pathOf);
  const options = {
    tool: { name: 'weighmark', version: input.version },
    stated: statedFacts(input, fromParts),
    read,
    ...signalOf(ports),
  };
  const artifact = await describeArtifact(tree, digests, ports, options);
  const { id, root, bom, bytes, problems, files: described } = artifact;
  const weighed = await weighArtifact(weightsFilesOf(tree, ports), described, {
    ...ports,
    hashed: elements,
    ...(input.jobs === undefined ? {} : { jobs: input.jobs }),
  });
  const identities = weighed.flatMap(({ identity }) => identity ?? []);
  const facts = {
    id,
    root,
    bom: bytes,
    files,
    records,
    weights: identities.length === 0 ? null : formatWeightsList(identities),
    name: input.name ?? baseName(tree.root),
  };
  const bomPayload = bomStatement(facts, { ...bom });
  return { facts, identities, bomPayload, problems, recorded: recordersOf(artifact.digests) };
}

function signalOf({ signal }: SealPorts): { readonly signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}

/** Who recorded digests that the files have, and of how many files. */
function recordersOf({ confirmed }: DigestCheck): SealOutcome['recorded'] {
  const byRecorder = Map.groupBy(
    confirmed.filter(({ recordedBy }) => recordedBy !== undefined),
    ({ recordedBy }) => recordedBy ?? '',
  );
  return [...byRecorder].map(([by, all]) => ({ by, files: new Set(all.map(({ path }) => path)).size }));
}

/** What the command line says of the artifact, cited as such in the BOM. */
function statedFacts({ name, source, acceptConflict }: SealInput, fromParts: string | null): readonly Fact[] {
  const by = { statedBy: 'weighmark seal' };
  const colon = name?.lastIndexOf(':') ?? -1;
  const version = name !== undefined && colon > 0 ? name.slice(colon + 1) : undefined;
  return [
    ...(name === undefined ? [] : [fact('name', colon > 0 ? name.slice(0, colon) : name, by)]),
    ...(version === undefined ? [] : [fact('version', version, by)]),
    ...(fromParts === null ? [] : [fact('detail', workersDetail(fromParts), by)]),
    ...(acceptConflict === undefined ? [] : [fact('detail', { name: 'accepted-conflict', value: acceptConflict }, by)]),
    ...(source === undefined ? [] : [fact('reference', { type: 'distribution', url: source }, by)]),
  ];
}

async function rootsOf(
  { tree }: SealedContent,
  { secret }: NonNullable<SealInput['records']>,
  ports: SealPorts,
): Promise<string> {
  const { files, progress, records, signal = new AbortController().signal } = ports;
  if (records === undefined) throw new WeighmarkError('internal', 'records are bound, and nothing reads them');
  return confirmRoots(tree, secret, { files, records, progress, signal });
}

interface Earlier {
  readonly list: Uint8Array | null;
  readonly claims: Uint8Array | null;
  readonly signature: Uint8Array | null;
}

async function readEarlier({ tree }: SealedContent, { files }: SealPorts): Promise<Earlier> {
  const places = sidecarsOf(tree);
  return {
    list: await files.readIfThere(places.digestList, LIMITS.digestListBytes),
    claims: await files.readIfThere(places.claims, LIMITS.claimsFileBytes),
    signature: await files.readIfThere(places.signature, LIMITS.signatureBytes),
  };
}

/** Everything that would be signed is signed already, word for word, by the same signer: another's seal is not ours. */
function isSealed(earlier: Earlier, payloads: readonly Uint8Array[], own: Uint8Array): boolean {
  if (earlier.signature === null || earlier.claims === null) return false;
  const ownBundle = parseBundle(own, LIMITS.signatureBytes);
  const signed = [...splitClaims(earlier.claims), earlier.signature].flatMap((bundle) => ownPayload(bundle, ownBundle));
  return payloads.every((payload) => signed.some((each) => Buffer.from(each).equals(payload)));
}

function ownPayload(bytes: Uint8Array, own: Bundle): readonly Uint8Array[] {
  try {
    const bundle = parseBundle(bytes, LIMITS.signatureBytes);
    return namesSameSigner(bundle, own) ? [bundle.payload] : [];
  } catch {
    return [];
  }
}

/** The signed list of the files before an edit of documentation stays beside the claims that speak of it. */
function earlierSignature({ signature }: Earlier, packaged: boolean): readonly Uint8Array[] {
  return packaged && signature !== null && signature.length <= LIMITS.claimBytes ? [signature] : [];
}

/** @throws WeighmarkError `claims-limit` for a claim nobody would read. */
async function signClaim(payload: Uint8Array, signer: ClaimSigner): Promise<Uint8Array> {
  if (payload.length * 1.4 > LIMITS.claimBytes)
    throw new WeighmarkError('claims-limit', `a claim would be larger than ${LIMITS.claimBytes} bytes`);
  return signer.sign(payload);
}

/** Security rule 20: what was read last is what was hashed first. */
async function stillTheSame({ tree, ignored }: SealedContent, ports: SealPorts): Promise<void> {
  const now = await ports.files.walk(tree.root, {
    allowSymlinks: tree.followedLinks,
    ignore: [...ignored],
    known: tree.entries,
  });
  tree.entries.forEach((then, at) => {
    const entry = now.entries[at];
    if (entry === undefined || compareUtf8(entry.path, then.path) > 0) throw changed(then.path);
    if (entry.path !== then.path || !isUnchanged(then.stamp, entry.stamp)) throw changed(entry.path);
  });
  const extra = now.entries[tree.entries.length];
  if (extra !== undefined) throw changed(extra.path);
}

function changed(path: string): WeighmarkError {
  return new WeighmarkError('file-changed', `${path} changed while the artifact was sealed`, { subject: path });
}

interface Gathered {
  readonly content: SealedContent;
  readonly scanned: Scanned;
  readonly facts: SealFacts;
}

function outcomeOf(
  { content, scanned, facts }: Gathered,
  ports: SealPorts,
): Omit<SealOutcome, 'problems' | 'recorded' | 'derivation'> {
  const sizeBytes = content.files.reduce((sum, file) => sum + file.sizeBytes, 0);
  const { id, root, name } = facts;
  return {
    written: false,
    scan: scanned,
    id,
    root,
    name,
    files: content.files.length,
    sizeBytes,
    signer: ports.signer.description,
    claims: [],
    packaged: false,
    foreign: false,
    leftOut: content.tree.leftOut,
    fromParts: content.fromParts,
  };
}
