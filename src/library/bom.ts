import { resolve } from 'node:path';
import { createFiles } from '../adapters/files/index.ts';
import type { ArtifactKind, Layout } from '../domain/bom/build.ts';
import type { SpdxDocument } from '../domain/bom/spdx.ts';
import type { Bom, SpecVersion } from '../domain/bom/types.ts';
import type { ElementSet } from '../domain/bom/validate/elements.ts';
import { WeighmarkError } from '../domain/base/errors.ts';
import type { Verdict } from '../domain/base/verdict.ts';
import { dateTime } from '../domain/metadata/datasets.ts';
import type { Statements } from '../domain/metadata/stated.ts';
import type { Described } from '../flows/bom/create.ts';
import type { BomDiffOutcome } from '../flows/bom/diff.ts';
import type { BomValidateOutcome } from '../flows/bom/validate.ts';
import { callPorts, VERSION, type CallOptions } from './ports.ts';

export interface BomOptions extends CallOptions {
  /** Of CycloneDX; default 1.7. */
  readonly specVersion?: SpecVersion;
  /** `guide` (default): files nested in the model; `flat`: one list. */
  readonly layout?: Layout;
  /** What the artifact is, where files leave it open. */
  readonly kind?: ArtifactKind;
  /** RFC 3339; absent: the BOM carries no time, and equal input gives equal bytes. */
  readonly timestamp?: string;
  readonly allowSymlinks?: boolean;
  /** What no file says, and who states it. Datasets and base models are folders, files, BOMs, digests or names. */
  readonly stated?: Pick<Statements, 'statedBy'> & Partial<Statements>;
}

/**
 * The ML-BOM of a folder or file: every file digested, every fact with its source; nothing is written. `bytes` is the document.
 * A metadata file that cannot be read is in `problems`, where sources disagree is in `conflicts`; with problems the command fails.
 * @throws WeighmarkError `not-found`, `empty-artifact`, `lfs-pointer`, `usage`, `limit-exceeded`, and what hashing throws.
 */
export async function createBom(path: string, options: BomOptions = {}): Promise<Described> {
  const [{ bomCreate }, { statedFacts }] = await Promise.all([
    import('../flows/bom/create.ts'),
    import('../flows/bom/facts.ts'),
  ]);
  const { stated, onProgress: _onProgress, timestamp, ...asked } = options;
  const ports = callPorts(options);
  const facts = stated === undefined ? [] : await statedFacts({ ...NOTHING_STATED, ...stated }, ports);
  const given = {
    ...(timestamp === undefined ? {} : { timestamp: timeOf(timestamp) }),
    ...(stated === undefined ? {} : { author: stated.statedBy }),
  };
  const tool = { name: 'weighmark', version: VERSION };
  return bomCreate({ ...asked, ...given, path: resolve(path), tool, stated: facts }, ports);
}

const NOTHING_STATED = {
  useCases: [],
  limitations: [],
  ethical: [],
  datasets: [],
  baseModels: [],
  prompts: [],
  plugins: [],
};

function timeOf(text: string): string {
  const time = dateTime(text);
  if (time === undefined) throw new WeighmarkError('usage', `${text} is no time of RFC 3339`, { subject: text });
  return time;
}

/** What of a BOM that `createBom` made SPDX 3.0.1 (AI profile) has words for. */
export async function toSpdx(bom: Bom): Promise<SpdxDocument> {
  const { spdxOf } = await import('../domain/bom/spdx.ts');
  return spdxOf(bom);
}

/**
 * The official schema, references, digests and citations of a BOM file (CycloneDX 1.2 to 1.7, JSON or XML), and which minimum
 * elements are there. What is wrong is in `verdict`. @param required sets of elements that must be there.
 * @throws WeighmarkError `bom-invalid` for a file that is no BOM at all, `not-found`, `limit-exceeded`.
 */
export async function validateBom(
  file: string,
  required: readonly ElementSet[] = [],
  { signal }: Pick<CallOptions, 'signal'> = {},
): Promise<BomValidateOutcome> {
  const [{ bomValidate }, { createBomValidator }] = await Promise.all([
    import('../flows/bom/validate.ts'),
    import('../adapters/bom-validator/index.ts'),
  ]);
  const ports = { files: createFiles(), validator: createBomValidator(signal) };
  return bomValidate({ path: resolve(file), shown: file, require: required }, ports);
}

/** What changed in meaning from one BOM file to another. @throws WeighmarkError `bom-invalid`, `not-found`. */
export async function diffBoms(a: string, b: string): Promise<BomDiffOutcome> {
  const { bomDiff } = await import('../flows/bom/diff.ts');
  return bomDiff({ a: resolve(a), b: resolve(b) }, { files: createFiles() });
}

/**
 * Do the files match the BOM: every file listed, none unlisted, every digest right. Says nothing of who wrote the BOM.
 * @throws WeighmarkError `bom-invalid`, `not-found`, `empty-artifact`, and what hashing throws.
 */
export async function verifyBom(
  file: string,
  path: string,
  options: CallOptions & { readonly allowSymlinks?: boolean } = {},
): Promise<Verdict> {
  const { bomVerify } = await import('../flows/bom/verify.ts');
  const { allowSymlinks, jobs } = options;
  const given = { ...(allowSymlinks === undefined ? {} : { allowSymlinks }), ...(jobs === undefined ? {} : { jobs }) };
  const shown = { bom: file, path };
  return bomVerify({ ...given, shown, bom: resolve(file), path: resolve(path) }, callPorts(options));
}
