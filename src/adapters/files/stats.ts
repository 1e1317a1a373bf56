import { constants, lstatSync, statSync, type BigIntStats } from 'node:fs';
import { constants as osConstants } from 'node:os';
import type { FileStamp } from '../../domain/ports/files.ts';
import { loadedAddon, type Addon } from '../hasher/native.ts';

/** What lstat says that a tree needs. */
export interface Stat {
  readonly isFile: boolean;
  readonly stamp: FileStamp;
}

/** From so many files on, loading the addon pays. */
const MANY = 1000;
const AT_ONCE = 8192;
const ANSWER_BYTES = 48;

export function stampOf(stat: BigIntStats): FileStamp {
  return { dev: stat.dev, ino: stat.ino, sizeBytes: stat.size, mtimeNs: stat.mtimeNs, ctimeNs: stat.ctimeNs };
}

export function statOf(stat: BigIntStats): Stat {
  return { isFile: stat.isFile(), stamp: stampOf(stat) };
}

/** Whether each is there and a file, or a link to one. By the native kernel where there is one and there are many. */
export function areFiles(locations: readonly string[]): readonly boolean[] {
  const addon = locations.length < MANY ? null : loadedAddon();
  const there: boolean[] = [];
  for (let from = 0; from < locations.length; from += AT_ONCE) {
    const some = locations.slice(from, from + AT_ONCE);
    const column = addon === null ? null : askedOf(addon, some);
    for (const [at, location] of some.entries())
      there.push((column === null ? null : isFileAt(column, at)) ?? isFile(location));
  }
  return there;
}

/** Null where it is neither a file nor nothing at all. */
function isFileAt(column: DataView, index: number): boolean | null {
  const errno = column.getUint32(index * ANSWER_BYTES, true);
  if (errno !== 0) return errno === osConstants.errno.ENOENT ? false : null;
  return (column.getUint32(index * ANSWER_BYTES + 4, true) & constants.S_IFMT) === constants.S_IFREG ? true : null;
}

function isFile(location: string): boolean {
  return statSync(location, { throwIfNoEntry: false })?.isFile() === true;
}

function askedOf(addon: Addon, locations: readonly string[]): DataView {
  const { buffer, byteOffset, length } = addon.lstat(Buffer.from(`${locations.join('\0')}\0`));
  return new DataView(buffer, byteOffset, length);
}

type Locate = (path: string) => string;

/** What lstat says of many, in the order they were asked in: nothing is made of one before it is asked for. */
export interface Stats {
  isFile(index: number): boolean;
  sizeBytes(index: number): number;
  stamp(index: number): FileStamp;
}

/** One after the other, in JavaScript. @throws what Node throws. */
export function lstatEach(paths: readonly string[], locate: Locate): Stats {
  const columns: DataView[] = [];
  const odd = new Map<number, Stat>();
  for (let from = 0; from < paths.length; from += AT_ONCE) {
    const some = paths.slice(from, from + AT_ONCE);
    const column = new DataView(new ArrayBuffer(some.length * ANSWER_BYTES));
    for (const [at, path] of some.entries()) {
      const stat = lstatSync(locate(path), { bigint: true });
      if (!writeAnswer(stat, column, at * ANSWER_BYTES)) odd.set(from + at, statOf(stat));
    }
    columns.push(column);
  }
  return new AnsweredStats(columns, odd);
}

/** As the addon answers. False: a time is beyond what stands there (the year 2262). */
function writeAnswer(stat: BigIntStats, column: DataView, at: number): boolean {
  column.setUint32(at + 4, Number(stat.mode), true);
  column.setBigUint64(at + 8, stat.size, true);
  writeStamp(stampOf(stat), column, at + STAMP_AT);
  return [stat.mtimeNs, stat.ctimeNs].every((time) => BigInt.asIntN(64, time) === time);
}

/** By the native kernel where there is one and there are many: a quarter of the time. @throws what Node throws. */
export function lstatMany(paths: readonly string[], locate: Locate): Stats {
  const addon = paths.length < MANY ? null : loadedAddon();
  return addon === null ? lstatEach(paths, locate) : askNatively(addon, paths, locate);
}

function askNatively(addon: Addon, paths: readonly string[], locate: Locate): Stats {
  const columns: DataView[] = [];
  const odd = new Map<number, Stat>();
  for (let from = 0; from < paths.length; from += AT_ONCE) {
    const locations = paths.slice(from, from + AT_ONCE).map(locate);
    const column = askedOf(addon, locations);
    // Where it failed Node says how; or it has come since.
    for (const [at, location] of locations.entries())
      if (column.getUint32(at * ANSWER_BYTES, true) !== 0)
        odd.set(from + at, statOf(lstatSync(location, { bigint: true })));
    columns.push(column);
  }
  return new AnsweredStats(columns, odd);
}

/**
 * Columns of answers, the addon's or such as it gives: as objects with stamps of five big integers each they take five times the memory, and of a
 * million files that is most of it.
 */
class AnsweredStats implements Stats {
  readonly #columns: readonly DataView[];
  readonly #odd: ReadonlyMap<number, Stat>;

  constructor(columns: readonly DataView[], odd: ReadonlyMap<number, Stat>) {
    this.#columns = columns;
    this.#odd = odd;
  }

  isFile(index: number): boolean {
    const odd = this.#odd.get(index);
    if (odd !== undefined) return odd.isFile;
    return (this.#column(index).getUint32(placeOf(index) + 4, true) & constants.S_IFMT) === constants.S_IFREG;
  }

  sizeBytes(index: number): number {
    return Number(this.#odd.get(index)?.stamp.sizeBytes ?? this.#column(index).getBigUint64(placeOf(index) + 8, true));
  }

  stamp(index: number): FileStamp {
    return this.#odd.get(index)?.stamp ?? new AnsweredStamp(this.#column(index), placeOf(index));
  }

  #column(index: number): DataView {
    const column = this.#columns[Math.floor(index / AT_ONCE)];
    if (column === undefined) throw new RangeError('nobody asked for so many');
    return column;
  }
}

function placeOf(index: number): number {
  return (index % AT_ONCE) * ANSWER_BYTES;
}

/** Device, inode and times, as the kernel reads and writes them. */
const STAMP_BYTES = 32;
const STAMP_AT = 16;

/** Writes device, inode and times as the addon wants them: of an answer of its own they are copied. */
export function writeStamp(stamp: FileStamp, target: DataView, at: number): void {
  if (stamp instanceof AnsweredStamp) {
    for (let byte = 0; byte < STAMP_BYTES; byte += 4)
      target.setUint32(at + byte, stamp.view.getUint32(stamp.at + STAMP_AT + byte));
    return;
  }
  target.setBigUint64(at, stamp.dev, true);
  target.setBigUint64(at + 8, stamp.ino, true);
  target.setBigInt64(at + 16, stamp.mtimeNs, true);
  target.setBigInt64(at + 24, stamp.ctimeNs, true);
}

/** A place in a column of answers. */
class AnsweredStamp implements FileStamp {
  readonly view: DataView;
  readonly at: number;

  constructor(view: DataView, at: number) {
    this.view = view;
    this.at = at;
  }

  get sizeBytes(): bigint {
    return this.view.getBigUint64(this.at + 8, true);
  }

  get dev(): bigint {
    return this.view.getBigUint64(this.at + 16, true);
  }

  get ino(): bigint {
    return this.view.getBigUint64(this.at + 24, true);
  }

  get mtimeNs(): bigint {
    return this.view.getBigInt64(this.at + 32, true);
  }

  get ctimeNs(): bigint {
    return this.view.getBigInt64(this.at + 40, true);
  }
}
