import { constants, lstatSync, type BigIntStats } from 'node:fs';
import type { FileStamp } from '../../domain/ports/files.ts';
import { loadAddon, type Addon } from '../hasher/native.ts';

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

type Locate = (path: string) => string;

/** One after the other, in JavaScript. @throws what Node throws. */
export function lstatEach(paths: readonly string[], locate: Locate): readonly Stat[] {
  return paths.map((path) => statOf(lstatSync(locate(path), { bigint: true })));
}

/** By the native kernel where there is one and there are many: a quarter of the time. @throws what Node throws. */
export function lstatMany(paths: readonly string[], locate: Locate): readonly Stat[] {
  const addon = paths.length < MANY ? null : loadAddon();
  if (addon === null) return lstatEach(paths, locate);
  const stats: Stat[] = [];
  for (let from = 0; from < paths.length; from += AT_ONCE)
    askNatively(addon, paths.slice(from, from + AT_ONCE).map(locate), stats);
  return stats;
}

function askNatively(addon: Addon, locations: readonly string[], stats: Stat[]): void {
  const answers = addon.lstat(Buffer.from(`${locations.join('\0')}\0`));
  const view = new DataView(answers.buffer, answers.byteOffset, answers.length);
  locations.forEach((location, index) =>
    stats.push(answerOf(view, index * ANSWER_BYTES) ?? statOf(lstatSync(location, { bigint: true }))),
  );
}

/**
 * Columns of many stamps: as objects of five big integers each they take three times the memory, and of a million files that
 * is most of it.
 */
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

/** Null where it failed: Node then says how. */
function answerOf(view: DataView, at: number): Stat | null {
  if (view.getUint32(at, true) !== 0) return null;
  const isFile = (view.getUint32(at + 4, true) & constants.S_IFMT) === constants.S_IFREG;
  return { isFile, stamp: new AnsweredStamp(view, at) };
}
