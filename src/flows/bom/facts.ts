import { readBom } from '../../domain/bom/read.ts';
import { summarize, type Named } from '../../domain/bom/summary.ts';
import { holdsWeights } from '../../domain/metadata/weights.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import { fact } from '../../domain/metadata/read.ts';
import {
  parseFacts,
  statedBase,
  statedDataset,
  statedTexts,
  type StatedThing,
  type Statements,
} from '../../domain/metadata/stated.ts';
import { pick, type Dataset, type Fact, type FactSource } from '../../domain/metadata/types.ts';
import { baseName, examineArtifact, filesOf, identify, walkAndHash, type BomPorts } from './create.ts';

/** Stated facts, with every reference (folder, file, BOM, digest) turned into what it is by digest. */
export async function statedFacts(stated: Statements, ports: BomPorts): Promise<readonly Fact[]> {
  const source: FactSource = { statedBy: stated.statedBy };
  const facts = [...statedTexts(stated)];
  for (const thing of stated.datasets)
    facts.push(statedDataset({ ...(await resolveThing(thing, ports)) }, thing, source));
  for (const thing of stated.baseModels) {
    const { files: _files, ...base } = await resolveThing(thing, ports);
    facts.push(
      statedBase({ ...base, ...(stated.relation === undefined ? {} : { relation: stated.relation }) }, thing, source),
    );
  }
  for (const path of stated.prompts) facts.push(await partFact('prompt', path, source, ports));
  for (const path of stated.plugins) facts.push(await partFact('plug-in', path, source, ports));
  return facts;
}

/** @throws WeighmarkError `config-invalid`, `not-found`. */
export async function readFactsFile(path: string, ports: Pick<BomPorts, 'files'>): Promise<Statements> {
  const bytes = await ports.files.read(path, LIMITS.yamlBytes);
  return parseFacts(utf8(bytes, path), path, `the facts file ${baseName(path)}`);
}

const FILES = 1000;

type Thing = Named & {
  readonly files?: NonNullable<Dataset['files']>;
  readonly licence?: string;
  readonly sizeBytes?: number;
};

async function resolveThing(thing: StatedThing, ports: BomPorts): Promise<Thing> {
  const { ref } = thing;
  if (ref === undefined) {
    if (thing.name === undefined)
      throw new WeighmarkError('config-invalid', 'a stated dataset or base model needs a name or a reference');
    return { name: thing.name, digests: {} };
  }
  const digest = /^(?:(.+)@)?sha256:([0-9a-f]{64})$/.exec(ref);
  if (digest !== null) return { name: digest[1] ?? thing.name ?? ref, id: `sha256:${digest[2] ?? ''}`, digests: {} };
  const kind = await ports.files.kindOf(ref);
  if (kind === 'none' && !/^\.{0,2}\//.test(ref)) return { name: ref, digests: {} };
  if (kind === 'none') throw new WeighmarkError('not-found', `there is no ${ref}`, { subject: ref });
  return (kind === 'file' ? await fromBom(ref, ports) : null) ?? (await fromContent(ref, ports));
}

/** A BOM beside or instead of the thing itself; null for a file that is none. */
async function fromBom(path: string, ports: BomPorts): Promise<Thing | null> {
  if (!/\.(?:cdx|bom)?\.?json$/i.test(path)) return null;
  const bytes = await ports.files.read(path, LIMITS.bomBytes);
  if (!/"bomFormat"/.test(new TextDecoder().decode(bytes.subarray(0, 4096)))) return null;
  const { name, version, id, digests, licences } = summarize(readBom(bytes, path));
  return {
    name,
    digests,
    ...(version === undefined ? {} : { version }),
    ...(id === undefined ? {} : { id }),
    ...(licences[0] === undefined ? {} : { licence: licences[0] }),
  };
}

/** The thing itself: hashed now, called what its own metadata call it. */
async function fromContent(path: string, ports: BomPorts): Promise<Thing> {
  const { tree, digests } = await walkAndHash({ path }, ports);
  const examined = await examineArtifact(filesOf(tree, digests, ports), {});
  const [name, version, licence] = [
    pick(examined.facts, 'name')[0],
    pick(examined.facts, 'version')[0],
    pick(examined.facts, 'licence')[0],
  ];
  const weights =
    examined.kind === 'model' ? examined.files.filter(({ report }) => holdsWeights(report)) : examined.files;
  const [only] = weights;
  const files = examined.files.map(({ path: inside, sizeBytes, digests: sums }) => ({
    path: inside,
    sizeBytes,
    digests: sums,
  }));
  return {
    name: name?.value ?? baseName(tree.root),
    id: identify(examined.files).id,
    digests: weights.length === 1 && only !== undefined ? only.digests : {},
    sizeBytes: files.reduce((sum, file) => sum + file.sizeBytes, 0),
    ...(files.length > 1 && files.length <= FILES ? { files: files } : {}),
    ...(version === undefined ? {} : { version: version.value }),
    ...(licence === undefined ? {} : { licence: licence.value.text }),
  };
}

async function partFact(kind: 'prompt' | 'plug-in', path: string, source: FactSource, ports: BomPorts): Promise<Fact> {
  const { tree, digests } = await walkAndHash({ path }, ports);
  const [entry] = tree.entries;
  const single = tree.entries.length === 1 && entry !== undefined ? digests.get(entry.path) : undefined;
  const sizeBytes = tree.entries.reduce((sum, { sizeBytes: size }) => sum + size, 0);
  if (single !== undefined) return fact('part', { kind, name: baseName(path), digests: single, sizeBytes }, source);
  const { id } = identify(
    tree.entries.map(({ path: inside, sizeBytes: size }) => ({
      path: inside,
      sizeBytes: size,
      digests: digests.get(inside) ?? {},
    })),
  );
  return fact('part', { kind, name: baseName(path), digests: {}, sizeBytes, id }, source);
}

function utf8(bytes: Uint8Array, subject: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new WeighmarkError('config-invalid', `${subject}: not UTF-8`, { subject, cause });
  }
}
