import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { bytesSource } from '../../../src/domain/formats/index.ts';
import { examineArtifact, identify, type ArtifactFile, type ExamineOptions } from '../../../src/flows/bom/create.ts';
import { createBom } from '../../../src/domain/bom/create.ts';
import type { BomInput } from '../../../src/domain/bom/build.ts';
import type { Bom, Component } from '../../../src/domain/bom/types.ts';

export const VECTORS = resolve(process.env['WEIGHMARK_VECTORS'] ?? '../shared/vectors');

/** Why a test over shared vectors is skipped, or false; in CI their absence is a failure. */
export const NO_VECTORS: string | false =
  existsSync(VECTORS) || process.env['CI'] === 'true' ? false : `no test data at ${VECTORS} (set WEIGHMARK_VECTORS)`;

export function vector(path: string): Buffer {
  return readFileSync(resolve(VECTORS, path));
}

/** Files in memory, digested; BLAKE3 is stood in for by a second SHA-256, which is enough for what is not about hashing. */
export function artifactOf(files: Readonly<Record<string, string | Uint8Array>>): readonly ArtifactFile[] {
  return Object.entries(files).map(([path, content]) => {
    const bytes = typeof content === 'string' ? Buffer.from(content) : content;
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const blake3 = createHash('sha256').update('stand-in').update(bytes).digest('hex');
    return {
      path,
      sizeBytes: bytes.byteLength,
      digests: { sha256, blake3 },
      open: () => Promise.resolve({ ...openable(bytes), close: () => Promise.resolve() }),
    };
  });
}

function openable(bytes: Uint8Array): { size: number; read(offset: number, length: number): Promise<Uint8Array> } {
  const source = bytesSource(bytes);
  return { size: source.size, read: (offset, length) => source.read(offset, length) };
}

export async function bomOf(
  files: Readonly<Record<string, string | Uint8Array>>,
  options: Partial<BomInput> & ExamineOptions = {},
): Promise<Bom> {
  const examined = await examineArtifact(artifactOf(files), options);
  return createBom({
    ...examined,
    ...identify(examined.files),
    confirmed: examined.digests.confirmed,
    fallbackName: 'folder',
    tool: { name: 'weighmark', version: '0.0.0' },
    specVersion: '1.7',
    layout: 'guide',
    ...options,
  });
}

export function subjectOf(bom: Bom): Component {
  const subject = bom.metadata.component ?? bom.components?.[0];
  if (subject === undefined) throw new Error('the BOM has no subject');
  return subject;
}

/** Properties by name without `weighmark:`; of several with one name the last. */
export function propertiesOf(
  holder: { readonly properties?: readonly { name: string; value: string }[] } | undefined,
): Record<string, string> {
  return Object.fromEntries(
    (holder?.properties ?? []).map(({ name, value }) => [name.replace('weighmark:', ''), value]),
  );
}

/** A safetensors file of zeros with the given tensors. */
export function safetensors(
  tensors: Readonly<Record<string, { dtype: string; shape: readonly number[] }>>,
  metadata?: Record<string, string>,
): Uint8Array {
  const width: Record<string, number> = { F32: 4, F16: 2, BF16: 2, I64: 8, U8: 1 };
  let offset = 0;
  const entries = Object.entries(tensors).map(([name, { dtype, shape }]) => {
    const length = shape.reduce((product, dimension) => product * dimension, 1) * (width[dtype] ?? 1);
    offset += length;
    return [name, { dtype, shape, data_offsets: [offset - length, offset] }];
  });
  const header = Buffer.from(
    JSON.stringify({ ...(metadata === undefined ? {} : { __metadata__: metadata }), ...Object.fromEntries(entries) }),
  );
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([size, header, Buffer.alloc(offset)]);
}
