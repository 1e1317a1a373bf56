import { detect } from '../../domain/formats/index.ts';
import { kindOf } from '../../domain/claims/subjects.ts';
import { PREDICATES } from '../../domain/claims/predicates.ts';
import type { VerifiedClaim } from '../../domain/claims/types.ts';
import { isProvenance, readProvenance } from '../../domain/lineage/provenance.ts';
import type { ManifestFile } from '../../domain/digest/manifest.ts';
import { ociDigest, sha256Hex } from '../../domain/digest/hex.ts';
import { readDigestList } from '../../domain/digest/list.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { isJsonObject, parseStrictJson } from '../../domain/base/json.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import { readCard } from '../../domain/metadata/card.ts';
import { closureOf } from '../../domain/metadata/closure.ts';
import { fact } from '../../domain/metadata/read.ts';
import type { Fact } from '../../domain/metadata/types.ts';
import type { ContentFacts } from '../../domain/policy/facts.ts';
import type { Digests } from '../../domain/digest/algorithm.ts';
import type { Hasher, HashJob } from '../../domain/ports/hasher.ts';
import type { Progress } from '../../domain/ports/terminal.ts';
import type { Registry } from '../../domain/ports/registry.ts';
import { smallSource, type Source } from '../../domain/base/source.ts';
import { ATTACHMENTS } from '../../domain/registry/referrer.ts';
import { formatBytes } from '../../domain/base/units.ts';
import { checkOf, findingOf, type Check, type Finding } from '../../domain/base/verdict.ts';
import { pushAll } from '../../domain/base/lists.ts';
import { filesUnder } from '../registry/known.ts';
import { fetchesOf } from '../bom/fetches.ts';

export interface ContentPorts {
  readonly hasher: () => Promise<Hasher>;
  readonly progress: Progress;
  readonly signal?: AbortSignal;
}

/** What the registry's bytes are, read in this run. */
export interface GateContent {
  readonly check: Check;
  readonly files: readonly ManifestFile[];
  readonly facts: ContentFacts;
  /** BLAKE3 by path, to be held against signed digest lists. */
  readonly blake3: ReadonlyMap<string, string>;
}

/**
 * Reads an artifact's every byte back from the registry and holds it against the manifest, and the manifest against the
 * id: what is promoted is what was read now. Refusals are in the check; nothing is thrown for bad content.
 */
export async function readContent(
  target: { readonly name: string; readonly id: string },
  registry: Registry,
  ports: ContentPorts,
): Promise<GateContent> {
  const state: State = {
    registry,
    name: target.name,
    ports,
    formats: new Map(),
    blake3: new Map(),
    bases: [],
    fetches: [],
    findings: [],
  };
  const files = await manifestFiles(target, state);
  const total = files.reduce((sum, file) => sum + file.sizeBytes, 0);
  const progress = ports.progress.start('hashing', total);
  const advance = (bytes: number) => progress.advance(bytes);
  const known = await hashInPlace(files, state, advance);
  for (const file of files) {
    const found = known.get(file);
    if (found === undefined) await readFile(file, state, advance);
    else judge(file, found, state);
  }
  progress.end();
  const evidence = [
    {
      what: `${files.length} of ${files.length} files, ${formatBytes(total)}, read back from the registry`,
      data: { id: target.id, files: files.length, sizeBytes: total },
    },
  ];
  return {
    check: checkOf('content', evidence, state.findings),
    files,
    facts: {
      formats: state.formats,
      declaredBases: state.bases,
      fetched: closureOf(
        state.fetches,
        files.map(({ path }) => path),
      ).map(({ value, source }) => ({ name: value.target, where: source.file ?? '' })),
      digests: new Map(files.map(({ path, sha256 }) => [path, sha256])),
    },
    blake3: state.blake3,
  };
}

interface State {
  readonly registry: Registry;
  readonly name: string;
  readonly ports: ContentPorts;
  readonly formats: Map<string, string>;
  readonly blake3: Map<string, string>;
  readonly bases: { name: string; where: string }[];
  readonly fetches: Fact[];
  readonly findings: Finding[];
}

async function manifestFiles(
  { name, id }: { readonly name: string; readonly id: string },
  state: State,
): Promise<readonly ManifestFile[]> {
  try {
    const top = await manifestBytes(name, id, state.registry);
    return await filesUnder(top, async (part) => manifestBytes(name, part, state.registry));
  } catch (error) {
    state.findings.push({ ...findingOf(error, 'format-invalid'), subject: id });
    return [];
  }
}

async function manifestBytes(name: string, digest: string, registry: Registry): Promise<Uint8Array> {
  const bytes = await registry.getManifest(name, digest);
  const found = ociDigest(bytes);
  if (found !== digest)
    throw new WeighmarkError('digest-mismatch', `the registry gives another manifest than ${digest}`, {
      subject: digest,
      facts: { found },
    });
  return bytes;
}

async function readFile(file: ManifestFile, state: State, advance: (bytes: number) => void): Promise<void> {
  state.ports.signal?.throwIfAborted();
  try {
    const blob = await state.registry.openBlob(state.name, `sha256:${file.sha256}`, file.sizeBytes);
    try {
      await examine(file, blob, { state, advance });
    } finally {
      await blob.close();
    }
  } catch (error) {
    if (state.ports.signal?.aborted === true) throw error;
    state.findings.push({ ...unreadFinding(error), subject: file.path });
  }
}

/** What the manifest names and the registry has not: not a mistake of who asks. */
function unreadFinding(error: unknown): Finding {
  const finding = findingOf(error, 'unreadable');
  return finding.code === 'not-found'
    ? { ...finding, code: 'unreadable', message: 'the registry does not have this file any more' }
    : finding;
}

async function examine(
  file: ManifestFile,
  blob: Source,
  { state, advance }: { state: State; advance: (bytes: number) => void },
): Promise<void> {
  const hasher = await state.ports.hasher();
  const { digests, sizeBytes } = await hasher.hashStream(chunks(blob, file.sizeBytes, advance), ['sha256', 'blake3']);
  const isRight = digests.sha256 === file.sha256 && sizeBytes === file.sizeBytes;
  judge(file, { digests, seen: isRight ? await look(file, blob) : NOTHING }, state);
}

/** What the bytes say besides their digests; it counts only if those are right. */
interface Seen {
  readonly format: string;
  readonly bases: readonly { name: string; where: string }[];
  readonly fetches: readonly Fact[];
}

const NOTHING: Seen = { format: 'unknown', bases: [], fetches: [] };

async function look({ path }: ManifestFile, blob: Source): Promise<Seen> {
  const { format } = await detect({ path, source: blob });
  const adapters = path === 'adapter_config.json' ? await adapterBases(blob) : [];
  const cards = CARD.test(path) ? await cardBases(path, blob) : [];
  return { format, bases: [...adapters, ...cards], fetches: await fetchesIn(path, blob) };
}

interface Read {
  readonly digests: Digests;
  readonly seen: Seen;
}

function judge(file: ManifestFile, { digests, seen }: Read, state: State): void {
  if (digests.sha256 !== file.sha256) {
    const facts = { manifest: `sha256:${file.sha256}`, found: `sha256:${digests.sha256 ?? ''}` };
    state.findings.push({
      code: 'digest-mismatch',
      message: `${file.path} in the registry is not the file of the manifest`,
      subject: file.path,
      facts,
    });
    return;
  }
  state.blake3.set(file.path, digests.blake3 ?? '');
  state.formats.set(file.path, seen.format);
  pushAll(state.bases, seen.bases);
  pushAll(state.fetches, seen.fetches);
}

/** Up to here a file is read whole: to be looked at it is read anyway, and handing it to other threads takes longer than hashing it. */
const SMALL_BYTES = 16 << 10;

/**
 * Blobs that are files here are hashed where they lie, by all cores: each looked at first, then hashed as the very file that was
 * looked at; small ones at once, as the very bytes. One that is in doubt is left to be read by itself, which says what is wrong
 * with it.
 */
async function hashInPlace(
  files: readonly ManifestFile[],
  state: State,
  advance: (bytes: number) => void,
): Promise<ReadonlyMap<ManifestFile, Read>> {
  const { registry, ports } = state;
  const looked: { readonly file: ManifestFile; readonly seen: Seen; readonly job: HashJob }[] = [];
  const read = new Map<ManifestFile, Read>();
  if (registry.blobFile === undefined) return read;
  const hasher = await ports.hasher();
  for (const file of files) {
    ports.signal?.throwIfAborted();
    const one = await lookInPlace(file, { state, hasher }).catch(() => null);
    if (one === null) continue;
    if ('job' in one) looked.push({ file, ...one });
    else {
      read.set(file, one);
      advance(file.sizeBytes);
    }
  }
  if (looked.length === 0) return read;
  const results = await hasher.hash(
    looked.map(({ job }) => job),
    {
      algorithms: ['sha256', 'blake3'],
      onProgress: advance,
      onFailure: () => undefined,
      ...(ports.signal === undefined ? {} : { signal: ports.signal }),
    },
  );
  for (const [index, { file, seen }] of looked.entries()) {
    const digests = results[index]?.digests ?? {};
    if (digests.sha256 === file.sha256) read.set(file, { digests, seen });
  }
  return read;
}

async function lookInPlace(
  file: ManifestFile,
  { state: { registry, name }, hasher }: { readonly state: State; readonly hasher: Hasher },
): Promise<{ readonly seen: Seen; readonly job: HashJob } | Read | null> {
  const digest = `sha256:${file.sha256}`;
  const blob = await registry.openBlob(name, digest, file.sizeBytes);
  try {
    if (file.sizeBytes <= SMALL_BYTES) return await readSmall(file, blob, hasher);
    const location = registry.blobFile?.(name, digest);
    if (location === undefined || blob.stamp === undefined) return null;
    const seen = await look(file, blob);
    return { seen, job: { location, sizeBytes: file.sizeBytes, stamp: blob.stamp } };
  } finally {
    await blob.close();
  }
}

/** Null if these are not the bytes of the manifest. */
async function readSmall(file: ManifestFile, blob: Source, { tree }: Hasher): Promise<Read | null> {
  const bytes = await blob.read(0, file.sizeBytes);
  const sha256 = sha256Hex(bytes);
  if (bytes.length !== file.sizeBytes || sha256 !== file.sha256) return null;
  const blake3 = Buffer.from(tree.digest(bytes)).toString('hex');
  return { digests: { sha256, blake3 }, seen: await look(file, smallSource(bytes)) };
}

const CHUNK_BYTES = 4 << 20;

async function* chunks(blob: Source, size: number, advance: (bytes: number) => void): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < size; at += CHUNK_BYTES) {
    const chunk = await blob.read(at, Math.min(CHUNK_BYTES, size - at));
    advance(chunk.length);
    yield chunk;
  }
}

/** A file that cannot be read might make a loader fetch anything: that is nothing anybody attested. */
async function fetchesIn(path: string, blob: Source): Promise<readonly Fact[]> {
  try {
    return await fetchesOf(path, blob);
  } catch (error) {
    if (!(error instanceof WeighmarkError)) throw error;
    return [fact('fetch', { target: '(something: it cannot be read)', kind: 'file' }, { file: path })];
  }
}

/** PEFT's configuration names the base the adapter was made for. */
async function adapterBases(blob: Source): Promise<readonly { name: string; where: string }[]> {
  const bytes = await blob.read(0, Math.min(blob.size, LIMITS.configBytes));
  const json = parseStrictJson(bytes, { subject: 'adapter_config.json', refuseCaseDuplicates: false });
  const name = isJsonObject(json) ? json['base_model_name_or_path'] : undefined;
  return typeof name === 'string' && name !== '' ? [{ name, where: 'adapter_config.json' }] : [];
}

const CARD = /^readme\.md$/i;

/** `base_model` of a card's front matter. One that cannot be read might name any: it counts as a base nobody declared. */
async function cardBases(path: string, blob: Source): Promise<readonly { name: string; where: string }[]> {
  const bytes = await blob.read(0, Math.min(blob.size, LIMITS.configBytes));
  try {
    return readCard({ path, bytes }).flatMap((each) =>
      each.field === 'baseModel' && each.value.hinted !== true ? [{ name: each.value.name, where: path }] : [],
    );
  } catch {
    return [{ name: '(a front matter that cannot be read)', where: path }];
  }
}

/**
 * BLAKE3 as read now against the digest lists that trusted BOM claims name (rule 7), and against what any trusted claim says
 * beside the SHA-256 of one of these files, of its subject or of what it was made from: a pair that differs is a conflict.
 */
export async function blake3Findings(
  target: { readonly name: string; readonly id: string },
  content: GateContent,
  looking: { registry: Registry; claims: readonly VerifiedClaim[] },
): Promise<readonly Finding[]> {
  const named = new Set(
    looking.claims
      .filter(({ statement }) => statement.predicateType === PREDICATES.bom)
      .flatMap(({ statement }) => listsOf(statement.subject)),
  );
  const lists = await looking.registry.attachments(target.name, target.id, ATTACHMENTS.digestList);
  const listed = lists.filter((bytes) => named.has(sha256Hex(bytes))).flatMap((bytes) => conflicts(bytes, content));
  return [...listed, ...saidConflicts(looking.claims, content)];
}

/** A BLAKE3 beside the right SHA-256 binds nothing; a wrong one is not passed over. */
function saidConflicts(claims: readonly VerifiedClaim[], { blake3, files }: GateContent): readonly Finding[] {
  const found = new Map(files.map(({ path, sha256 }) => [sha256, { path, blake3: blake3.get(path) }]));
  return claims
    .flatMap(({ statement }) => digestsSaid(statement))
    .flatMap(({ sha256 = '', blake3: said }) => {
      const file = found.get(sha256);
      if (said === undefined || file?.blake3 === undefined || said === file.blake3) return [];
      const message = `a trusted claim gives ${file.path} another BLAKE3 digest`;
      return [{ code: 'digest-conflict', message, subject: file.path, facts: { said, found: file.blake3 } }];
    });
}

function digestsSaid(statement: VerifiedClaim['statement']): readonly Readonly<Record<string, string>>[] {
  const subjects = statement.subject.map(({ digest }) => digest);
  return isProvenance(statement) ? [...subjects, ...inputDigests(statement)] : subjects;
}

/** What cannot be read is a finding where its lineage is walked. */
function inputDigests(statement: VerifiedClaim['statement']): readonly Readonly<Record<string, string>>[] {
  try {
    return readProvenance(statement).inputs.map(({ digests }) => digests);
  } catch {
    return [];
  }
}

function listsOf(subjects: VerifiedClaim['statement']['subject']): readonly string[] {
  try {
    return subjects.filter((each) => kindOf(each) === 'list').flatMap((each) => each.digest['sha256'] ?? []);
  } catch {
    return [];
  }
}

function conflicts(list: Uint8Array, { blake3, files }: GateContent): readonly Finding[] {
  const sha256 = new Map(files.map((file) => [file.path, file.sha256]));
  const wrong = readDigestList(list).filter(
    (file) => sha256.get(file.path) === file.sha256 && blake3.has(file.path) && blake3.get(file.path) !== file.blake3,
  );
  return wrong.map(({ path, blake3: listed }) => ({
    code: 'digest-conflict',
    message: `the signed digest list gives ${path} another BLAKE3 digest`,
    subject: path,
    facts: { listed, found: blake3.get(path) ?? '' },
  }));
}
