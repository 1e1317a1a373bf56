import { firstOf } from '../../domain/base/lists.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { sha256Hex } from '../../domain/digest/hex.ts';
import type { Files, FileStamp } from '../../domain/ports/files.ts';
import type { OpenIndex, RecordFile, Records } from '../../domain/ports/records.ts';
import { originOf, parsePlan, PLAN_BYTES, type Plan, type PlannedFile } from '../../domain/records/plan.ts';
import { RecordIndex } from '../../domain/records/record-index.ts';
import { formatRoots, type Roots } from '../../domain/records/roots.ts';

/** The folder in which workers meet: the plan, an index a part, what is reduced of them. */
export function planFile(folder: string): string {
  return `${folder}/plan`;
}

export function partFile(folder: string, part: number): string {
  return `${folder}/part-${numbered(part)}`;
}

export function reducedFile(folder: string, part: number): string {
  return `${folder}/reduced-${numbered(part)}`;
}

function numbered(part: number): string {
  return String(part).padStart(6, '0');
}

/** @throws WeighmarkError `not-found` without a plan, `usage` for a part that it does not have. */
export async function readPlan(folder: string, files: Files, part = 0): Promise<Plan> {
  const bytes = await files.readIfThere(planFile(folder), PLAN_BYTES);
  if (bytes === null)
    throw new WeighmarkError('not-found', `${folder} holds no plan`, { hint: 'make it with `weighmark dataset plan`' });
  const plan = parsePlan(bytes);
  if (part < plan.parts.length) return plan;
  throw new WeighmarkError('usage', `the plan has ${plan.parts.length} parts, counted from 0`);
}

export function plannedFile(file: RecordFile): PlannedFile {
  return { path: file.path, sizeBytes: file.sizeBytes, modifiedNs: String(file.stamp.mtimeNs) };
}

/** @throws WeighmarkError `file-changed` unless the file is as it was planned. */
export function requirePlanned({ path, sizeBytes, modifiedNs }: PlannedFile, stamp: FileStamp): void {
  if (BigInt(sizeBytes) === stamp.sizeBytes && modifiedNs === String(stamp.mtimeNs)) return;
  throw fileChanged(path);
}

export function fileChanged(path: string): WeighmarkError {
  return new WeighmarkError('file-changed', `${path} is not as it was when the work was planned`, {
    subject: path,
    hint: 'plan anew, into an empty folder',
  });
}

/** All parts, as far as they were made: what each says of itself. */
export interface MadeParts {
  readonly roots: readonly Roots[];
  /** SHA-256 over it: what is reduced of other parts is told by it. */
  readonly digest: string;
  readonly records: number;
}

/** @throws WeighmarkError `incomplete` naming the parts that are missing, or are of other bytes than planned. */
export function readParts(folder: string, plan: Plan, records: Records): MadeParts {
  const found = plan.parts.map((_, part) => partRoots(folder, part, { plan, records }));
  const missing = found.flatMap((roots, part) => (roots === null ? [part] : []));
  if (missing.length > 0) throw missingParts(missing, 'part');
  const roots = found.flatMap((each) => each ?? []);
  return {
    roots,
    digest: sha256Hex(roots.map(formatRoots).join('')),
    records: roots.reduce((sum, each) => sum + each.records, 0),
  };
}

interface Of {
  readonly plan: Plan;
  readonly records: Records;
}

function partRoots(folder: string, part: number, { plan, records }: Of): Roots | null {
  return withPart(folder, part, records, ({ roots, origin }) =>
    Buffer.from(origin).equals(originOf(plan, part)) ? roots : null,
  );
}

/** Asks the index of a part; null where there is none. */
export function withPart<T>(folder: string, part: number, records: Records, ask: (index: RecordIndex) => T): T | null {
  const file: OpenIndex | null = records.openAt(partFile(folder, part));
  if (file === null) return null;
  try {
    return ask(new RecordIndex(file, records.hasher));
  } finally {
    file.close();
  }
}

const NAMED = 20;

export function missingParts(missing: readonly number[], step: 'part' | 'reduce'): WeighmarkError {
  return new WeighmarkError('incomplete', `not made yet: ${firstOf(missing, NAMED)}`, {
    facts: { missing: String(missing.length) },
    hint: `\`weighmark dataset ${step}\` makes them, each by its number`,
  });
}
