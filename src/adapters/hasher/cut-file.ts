import { buildOutboard, CV_BYTES, foldSubtrees, GROUP_BYTES } from '../../domain/digest/outboard.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import type { Blake3Tree } from '../../domain/digest/blake3-tree.ts';
import type { Digests, HashAlgorithm } from '../../domain/digest/algorithm.ts';
import type { HashResult } from '../../domain/ports/hasher.ts';
import { abandon, closeStamped, openStamped, type SizedJob } from './open-file.ts';
import { hexDigests } from './hex.ts';
import type { Answer, Task } from './tasks.ts';

/** How far one digest of a file may run ahead of the other: what the page cache surely still holds. */
const WINDOW_BYTES = 128 << 20;

type Segment = Extract<Task, { kind: 'segment' }>;
type Piece = Extract<Task, { kind: 'piece' }>;

/** A huge file being hashed in segments (BLAKE3, any lane) and pieces (the digests that need order, one lane). */
export interface CutFile {
  nextSegment(): Segment | null;
  /** Only for the lane that began the pieces; any lane begins them. */
  nextPiece(lane: number): Piece | null;
  /** @throws WeighmarkError that of the part. */
  settle(task: Segment | Piece, answer: Answer): void;
  /** Null until every part is in. @throws WeighmarkError `file-changed`. */
  result(): HashResult | null;
  /** Gives the file up; nothing to do after `result`. */
  close(): void;
  closed(): boolean;
}

export interface CutOptions {
  /** The job's place among the jobs. */
  readonly index: number;
  readonly algorithms: readonly HashAlgorithm[];
  readonly segmentBytes: number;
  readonly outboard: boolean;
  readonly tree: Blake3Tree;
}

export function openCutFile(wanted: SizedJob, options: CutOptions): CutFile {
  const file = openStamped(wanted);
  const job: SizedJob = { ...wanted, stamp: file.stamp };
  const size = job.sizeBytes;
  const ordered = options.algorithms.filter((name) => name !== 'blake3');
  const leafBytes = options.outboard ? GROUP_BYTES : options.segmentBytes;
  const cvs = new Uint8Array(Math.ceil(size / leafBytes) * CV_BYTES);
  let segmentAt = 0;
  let segmentsOut = Math.ceil(size / options.segmentBytes);
  let pieceAt = ordered.length === 0 ? size : 0;
  let pieceLane: number | undefined;
  let piecesOut = ordered.length === 0 ? 0 : Math.ceil(size / options.segmentBytes);
  let digests: Answer['digests'] = {};
  let open = true;
  const range = (start: number) => ({ start, end: Math.min(start + options.segmentBytes, size) });
  return {
    close: () => {
      if (open) abandon(file);
      open = false;
    },
    closed: () => !open,
    nextSegment: () => {
      if (segmentAt >= size || segmentAt > pieceAt + WINDOW_BYTES) return null;
      const task: Segment = {
        kind: 'segment',
        index: options.index,
        job,
        ...range(segmentAt),
        groups: options.outboard,
      };
      segmentAt = task.end;
      return task;
    },
    nextPiece: (lane) => {
      pieceLane ??= lane;
      if (pieceLane !== lane || pieceAt >= size || pieceAt > segmentAt + WINDOW_BYTES) return null;
      const task: Piece = { kind: 'piece', index: options.index, job, ...range(pieceAt), algorithms: ordered };
      pieceAt = task.end;
      return task;
    },
    settle: (task, answer) => {
      if (answer.failure !== undefined)
        throw new WeighmarkError(answer.failure.code, answer.failure.message, answer.failure.detail);
      if (task.kind === 'piece') {
        piecesOut -= 1;
        digests = { ...digests, ...answer.digests };
      } else {
        segmentsOut -= 1;
        if (answer.cvs !== undefined) cvs.set(answer.cvs, (task.start / leafBytes) * CV_BYTES);
      }
    },
    result: () => {
      if (segmentsOut > 0 || piecesOut > 0) return null;
      open = false;
      closeStamped(file, job.location);
      return { sizeBytes: size, ...finish(cvs, { size, options, digests: hexDigests(digests) }) };
    },
  };
}

function finish(
  cvs: Uint8Array,
  file: { size: number; options: CutOptions; digests: Digests },
): Pick<HashResult, 'digests' | 'outboard'> {
  const { tree, outboard } = file.options;
  if (!outboard) return { digests: { ...file.digests, ...hexDigests({ blake3: foldSubtrees(cvs, tree) }) } };
  const built = buildOutboard(cvs, file.size, tree);
  return { digests: { ...file.digests, ...hexDigests({ blake3: built.root }) }, outboard: built.outboard };
}
