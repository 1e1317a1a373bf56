import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bytesSource } from '../../src/domain/base/source.ts';
import { readFormat } from '../../src/domain/formats/index.ts';
import { READERS } from '../../src/domain/formats/readers.ts';
import type { FormatId } from '../../src/domain/formats/types.ts';
import { READERS as METADATA } from '../../src/domain/metadata/tables.ts';
import { Batch } from '../../src/domain/records/batch.ts';
import { readSamples } from '../../src/domain/records/webdataset.ts';
import { textReader } from '../../src/domain/records/readers.ts';
import { scanFile } from '../../src/domain/scan/index.ts';
import { JUDGES } from '../../src/domain/scan/judges.ts';
import { OWN, readWeights } from '../../src/domain/weights/read.ts';

/**
 * Every reader of untrusted bytes, taken from the tables they stand in, so that a new one is fuzzed without being named
 * here. What a reader may do with any bytes: answer, or refuse with an error of ours.
 */
export interface Target {
  readonly name: string;
  /** @throws what a reader must not throw, or for a wrong pass. */
  readonly run: (bytes: Uint8Array) => unknown;
  /** What it is meant to read, by path; absent: any small file may be. */
  readonly seeds?: (path: string, formats: readonly string[]) => boolean;
  /** Made for it: where a right answer is rare, the first inputs are right. */
  readonly starts?: readonly Uint8Array[];
  /** The domain's room it is in: texts of its tests are seeds too. */
  readonly room?: string;
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export async function targets(): Promise<readonly Target[]> {
  return [
    ...formats(),
    ...weights(),
    ...judges(),
    ...metadata(),
    ...records(),
    ...(await parsers()),
    ...(await (await import('./signed.ts')).signed()),
    ...(await import('./answers.ts')).answers(),
  ];
}

function formats(): readonly Target[] {
  return Object.entries(READERS).map(([format, reader]) => ({
    name: `format:${format}`,
    run: async (bytes) => {
      const { complete, problems } = await readFormat({ path: `a.${format}`, source: bytesSource(bytes) });
      if (complete && problems.some(({ code }) => code === 'malformed')) throw new TypeError('malformed and complete');
      await reader({ path: `a.${format}`, source: bytesSource(bytes) }, {});
    },
    seeds: (_, found) => found.includes(format),
  }));
}

const MADE_BYTES = 64 << 20;

/** What a format's tensors are, with their elements made as they would be hashed. */
function weights(): readonly Target[] {
  return Object.keys(OWN).map((format) => ({
    name: `weights:${format}`,
    run: async (bytes) => {
      const source = bytesSource(bytes);
      const report = await readFormat({ path: `a.${format}`, source });
      const { tensors } = await readWeights({ path: `a.${format}`, source, beside: async () => null }, report);
      let made = 0;
      for (const { elements } of tensors)
        if (elements.kind === 'made' && made < MADE_BYTES)
          for await (const chunk of elements.open(source)) if ((made += chunk.length) > MADE_BYTES) break;
    },
    seeds: (_, found) => found.includes(format),
  }));
}

function judges(): readonly Target[] {
  return Object.keys(JUDGES).map((format) => ({
    name: `scan:${format}`,
    run: async (bytes) => {
      const { verdict } = await scanFile({
        path: `a.${ENDINGS[format as FormatId] ?? format}`,
        source: bytesSource(bytes),
      });
      if (!['block', 'review', 'pass', 'incomplete'].includes(verdict)) throw new TypeError(`verdict ${verdict}`);
    },
    seeds: (_, found) => found.includes(format),
  }));
}

/** Of formats that are told by their name. */
const ENDINGS: Readonly<Partial<Record<FormatId, string>>> = {
  python: 'py',
  markdown: 'md',
  text: 'txt',
  script: 'sh',
};

function metadata(): readonly Target[] {
  return METADATA.map(({ pattern, read }) => ({
    name: `metadata:${pattern.source.replace(/^.*\//, '').replace(/\W+/g, '-')}`,
    run: (bytes) => read({ path: 'a', bytes }),
    seeds: (path) => pattern.test(path) || /\.(?:json|md|yaml|txt)$/.test(path),
  }));
}

function records(): readonly Target[] {
  const tar: Target = {
    name: 'records:webdataset',
    run: (bytes) => readSamples(bytesSource(bytes)),
    seeds: (path, found) => found.includes('tar') || path.endsWith('.tar'),
  };
  const texts = (['text', 'jsonl', 'csv', 'tsv'] as const).map((format) => ({
    name: `records:${format}`,
    run: (bytes: Uint8Array) => {
      const used = textReader({ format, profile: 'typed' }, new Map()).read(
        { bytes, base: 0, last: true },
        new Batch(),
      );
      if (used !== bytes.length) throw new TypeError(`${used} of ${bytes.length} bytes were read`);
    },
    seeds: (path: string) => /\.(?:jsonl|csv|tsv|txt|md)$/.test(path),
  }));
  return [...texts, tar];
}

/** What a parser is given beside the bytes, by how its parameter is declared. */
const GIVEN: Readonly<Record<string, unknown>> = {
  'subject: string': 'a',
  'location: string': 'a',
  'path: string': 'a',
  'folder: string': 'a',
  'unnamed: string': 'a',
  'now: Date': new Date(0),
  'width: number': 5,
  'maxBytes: number': 1 << 16,
  "kind: 'user' | 'project'": 'user',
  'options: StrictYamlOptions': { subject: 'a' },
  'code: Code': 'key-invalid',
  'shown: string': 'a',
  'files: readonly DescribedFile[]': [],
  'known: readonly { readonly path: string }[]': [],
  'added: readonly Uint8Array[]': [],
};

export interface Parser {
  readonly file: string;
  readonly name: string;
  /** As declared; those with a default left out. */
  readonly parameters: readonly string[];
}

/**
 * Every function of the domain and the flows that is exported as `parse…`, `read…` or `decode…` and takes bytes or a text,
 * or that takes bytes which by their name came from elsewhere.
 */
export function parsersIn(root = ROOT): readonly Parser[] {
  return globSync('src/{domain,flows}/**/*.ts', { cwd: root }).flatMap((file) => {
    const text = readFileSync(join(root, file), 'utf8');
    const found = text.matchAll(/^export (?:async )?function (\w+)\(([^)]*)\)/gm);
    return [...found]
      .map(([, name = '', words = '']) => ({ file, name, parameters: parametersOf(words) }))
      .filter(({ name, parameters }) => isReader(name, parameters) && OURS[name] === undefined);
  });
}

function isReader(name: string, parameters: readonly string[]): boolean {
  const [first = ''] = parameters;
  return /^(?:parse|read|decode)/.test(name) ? parameters.some(takesBytes) : takesBytes(first) && FOREIGN.test(first);
}

const FOREIGN = /^(?:bytes|bundle|index|config|certificate|existing): /;

/** They compute on bytes and read nothing from them. */
const OURS: Readonly<Record<string, string>> = {
  bytesSource: 'gives them on',
  crc32c: 'a sum',
  derInteger: 'writes',
  ociDigest: 'a digest',
  secretKey: 'a key of ours',
  sha256: 'a digest',
  sha256Hex: 'a digest',
  smallSource: 'gives them on',
};

function parametersOf(words: string): readonly string[] {
  return words
    .split(/,\s*(?=\w+(?:\??:| = ))/)
    .map((each) => each.replace(/,\s*$/, '').trim())
    .filter((each) => each !== '' && !/ = |^\w+\?:/.test(each));
}

function takesBytes(parameter: string): boolean {
  return (
    /^\w+: (?:Uint8Array|Buffer|string|Uint8Array \| (?:string|null))$/.test(parameter) &&
    GIVEN[parameter] === undefined
  );
}

/** A parser that wants more than bytes and what is in the list above is a part of another reader. */
export function isTarget({ parameters }: Parser): boolean {
  return parameters.every((each) => takesBytes(each) || GIVEN[each] !== undefined);
}

async function parsers(): Promise<readonly Target[]> {
  const { STARTS } = await import('./signed.ts');
  const found = parsersIn().filter(isTarget);
  return Promise.all(
    found.map(async ({ file, name, parameters }) => {
      const module = (await import(join(ROOT, file))) as Record<string, (...words: unknown[]) => unknown>;
      return {
        name: `${file.split('/').slice(2, -1).join('/')}:${name}`,
        room: file.split('/')[2] ?? '',
        starts: STARTS[name] ?? [],
        run: (bytes: Uint8Array) =>
          module[name]?.(...parameters.map((each) => (takesBytes(each) ? asDeclared(each, bytes) : GIVEN[each]))),
      };
    }),
  );
}

function asDeclared(parameter: string, bytes: Uint8Array): Uint8Array | string {
  if (parameter.includes('Uint8Array')) return bytes;
  return parameter.includes('Buffer') ? Buffer.from(bytes) : Buffer.from(bytes).toString();
}
