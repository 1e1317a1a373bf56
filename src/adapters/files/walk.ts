import {
  closeSync,
  fstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  realpathSync,
  statSync,
  type BigIntStats,
  type Dirent,
} from 'node:fs';
import { basename, dirname, join, sep } from 'node:path';
import { bookkeeperOf, isBookkeepingLink, isBookkeepingName, isLeftOut } from '../../domain/base/bookkeeping.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import type { FileStamp, Tree, TreeEntry, WalkOptions } from '../../domain/ports/files.ts';
import { checkoutOfObject, checkPath, compareUtf8, SIDECARS } from '../../domain/base/paths.ts';
import { fileError } from './errors.ts';
import { lstatEach, stampOf, statOf, type Stats } from './stats.ts';

interface Place {
  readonly root: string;
  /** What stands before a path in its location, as `join` would have it. */
  readonly base: string;
}

interface Walk {
  readonly place: Place;
  readonly realRoot: string;
  readonly allowSymlinks: boolean;
  readonly ignore: ReadonlySet<string>;
  readonly linksAt: WalkOptions['linksAt'] | null;
  readonly bookkeeping: WalkOptions['bookkeeping'] | null;
  readonly passedOver: string[];
  /** Paths of plain files as they are listed; what they are is asked when all are known. */
  readonly plain: string[];
  readonly entries: TreeEntry[];
  readonly sidecars: string[];
  readonly leftOut: string[];
  followedLinks: boolean;
  /** Names alone are wanted: nothing is asked of plain files but that they are there. */
  readonly namesOnly: boolean;
  readonly names: string[];
}

/** The tree below a folder, or of one file (DESIGN 4.1). Synchronous calls: for small files they are the cost. */
export function walkTree(root: string, options: WalkOptions = {}, lstats = lstatEach): Tree {
  const stat = rootStat(root);
  if (stat.isFile()) return singleFile(root, stat);
  if (!stat.isDirectory()) throw special(root);
  const walk = startWalk(root, options, false);
  walkFolder(walk, '');
  const stats = lstats(walk.plain, (path) => locate(walk.place, path));
  const from = { place: walk.place, stats };
  walk.plain.forEach((path, index) => addFile(walk, new WalkedFile(path, from, index), stats.isFile(index)));
  walk.entries.sort((a, b) => compareUtf8(a.path, b.path));
  shareTexts(walk.entries, options.known ?? []);
  const { entries, sidecars, leftOut, followedLinks, passedOver } = walk;
  return {
    kind: 'directory',
    root,
    entries,
    sidecars: sidecars.sort(compareUtf8),
    leftOut: leftOut.sort(compareUtf8),
    followedLinks,
    ...(passedOver.length === 0 ? {} : { passedOver: passedOver.sort(compareUtf8) }),
  };
}

/** The paths `walkTree` would find, sorted: to see that nothing came or went meanwhile, at a fraction of its cost. */
export function listTree(root: string, options: WalkOptions = {}): readonly string[] {
  const stat = rootStat(root);
  if (stat.isFile()) return [basename(root)];
  if (!stat.isDirectory()) throw special(root);
  const walk = startWalk(root, options, true);
  walkFolder(walk, '');
  return [...walk.names, ...walk.entries.map(({ path }) => path)].sort(compareUtf8);
}

function startWalk(root: string, options: WalkOptions, namesOnly: boolean): Walk {
  return {
    place: { root, base: join(root, 'x').slice(0, -1) },
    realRoot: realpathSync(root),
    allowSymlinks: options.allowSymlinks === true,
    ignore: new Set(options.ignore ?? []),
    linksAt: options.linksAt ?? null,
    bookkeeping: options.bookkeeping ?? null,
    passedOver: [],
    plain: [],
    entries: [],
    sidecars: [],
    leftOut: [],
    followedLinks: false,
    namesOnly,
    names: [],
  };
}

function singleFile(root: string, stat: BigIntStats): Tree {
  const path = basename(root);
  checkPath(path);
  const entry = { path, location: root, sizeBytes: Number(stat.size), stamp: stampOf(stat) };
  return { kind: 'file', root, entries: [entry], sidecars: [], leftOut: [], followedLinks: false };
}

function walkFolder(walk: Walk, folder: string): void {
  for (const entry of listFolder(walk, folder)) {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (folder === '' && SIDECARS.includes(entry.name)) walk.sidecars.push(entry.isDirectory() ? `${path}/` : path);
    else if (!walk.ignore.has(path)) visit(walk, path, entry);
    else if (isBookkeepingName(path)) walk.leftOut.push(path);
  }
}

function visit(walk: Walk, path: string, entry: Dirent): void {
  checkPath(path);
  if (entry.isDirectory()) walkFolder(walk, path);
  else if (isBookkeeping(walk, path, entry)) walk.leftOut.push(path);
  else if (entry.isSymbolicLink()) addLink(walk, path);
  else if (!entry.isFile()) throw special(path);
  else if (walk.namesOnly) walk.names.push(path);
  else walk.plain.push(path);
  if (walk.entries.length + walk.plain.length + walk.names.length > LIMITS.filesPerTree)
    throw new WeighmarkError('limit-exceeded', `more than ${LIMITS.filesPerTree} files`);
}

/** What `huggingface_hub` notes beside a download is never content; what lies in a workspace is, where somebody asks so. */
function isBookkeeping(walk: Walk, path: string, entry: Dirent): boolean {
  if (entry.isSymbolicLink())
    return walk.bookkeeping !== 'judged' && isBookkeepingLink(path, () => readlinkSync(locate(walk.place, path)));
  const by = entry.isFile() ? bookkeeperOf(path, (bytes) => beginning(locate(walk.place, path), bytes)) : null;
  return isLeftOut(by, walk.bookkeeping !== null);
}

function beginning(location: string, bytes: number): Uint8Array | null {
  try {
    const file = openSync(location, 'r');
    try {
      const buffer = new Uint8Array(Math.min(bytes, fstatSync(file).size));
      return buffer.subarray(0, readSync(file, buffer, 0, buffer.length, 0));
    } finally {
      closeSync(file);
    }
  } catch {
    return null;
  }
}

function addFile(walk: Walk, entry: TreeEntry, isFile: boolean): void {
  if (!isFile) throw special(entry.path);
  walk.entries.push(entry);
}

/** Equal texts become one. */
function shareTexts(entries: readonly TreeEntry[], known: readonly { readonly path: string }[]): void {
  let at = 0;
  for (const entry of entries) {
    while (at < known.length && compareUtf8(known[at]?.path ?? '', entry.path) < 0) at += 1;
    const path = known[at]?.path;
    if (path === entry.path && entry instanceof WalkedFile) entry.path = path;
  }
}

interface From {
  readonly place: Place;
  readonly stats: Stats;
}

/** Location and stamp are made when they are asked for: of a million files they take as much memory as all else. */
class WalkedFile implements TreeEntry {
  path: string;
  readonly sizeBytes: number;
  readonly #from: From;
  readonly #index: number;

  constructor(path: string, from: From, index: number) {
    this.path = path;
    this.sizeBytes = from.stats.sizeBytes(index);
    this.#from = from;
    this.#index = index;
  }

  get location(): string {
    return locate(this.#from.place, this.path);
  }

  get stamp(): FileStamp {
    return this.#from.stats.stamp(this.#index);
  }
}

/**
 * A link counts as the file it points to. Into the blobs of its own Hugging Face cache, and into the objects that git-annex or
 * DVC keeps for the checkout, it is always followed, that is how these are made; any other must be allowed, and lead to a file
 * inside the tree.
 */
function addLink(walk: Walk, path: string): void {
  const { linksAt } = walk;
  if (linksAt === 'stores' ? !leadsIntoStore(walk, path) : linksAt?.has(path) === false) {
    walk.passedOver.push(path);
    return;
  }
  const isBlob = isStored(walk, targetOf(walk, path));
  if (!walk.allowSymlinks && !isBlob) {
    throw new WeighmarkError('symlink-refused', `${path} is a symbolic link`, {
      subject: path,
      hint: 'allow links inside the folder with `--allow-symlinks`',
    });
  }
  const target = targetOf(walk, path);
  if (!isInside(walk.realRoot, target) && !isBlob) {
    throw new WeighmarkError('symlink-refused', `the link ${path} points outside the folder`, { subject: path });
  }
  const stat = statSync(target, { bigint: true });
  if (stat.isDirectory())
    throw new WeighmarkError('symlink-refused', `the link ${path} points to a folder`, { subject: path });
  walk.followedLinks = true;
  const { stamp } = statOf(stat);
  if (!stat.isFile()) throw special(path);
  const location = isBlob ? target : locate(walk.place, path);
  walk.entries.push({ path, location, sizeBytes: Number(stamp.sizeBytes), stamp });
}

function isStored({ realRoot }: Walk, target: string): boolean {
  const checkout = checkoutOfObject(target);
  return isInside(hubBlobs(realRoot), target) || (checkout !== null && isInside(checkout, join(realRoot, 'x')));
}

function leadsIntoStore(walk: Walk, path: string): boolean {
  try {
    return isStored(walk, realpathSync(locate(walk.place, path)));
  } catch {
    return false;
  }
}

function targetOf(walk: Walk, path: string): string {
  try {
    return realpathSync(locate(walk.place, path));
  } catch (cause) {
    if (/(?:^|\/)\.git\/annex\/objects\//.test(readlinkSync(locate(walk.place, path))))
      throw new WeighmarkError('incomplete', `git-annex has not fetched the content of ${path}`, {
        subject: path,
        hint: '`git annex get` fetches it',
        cause,
      });
    throw new WeighmarkError('symlink-refused', `the link ${path} leads nowhere`, { subject: path, cause });
  }
}

/** `models--org--name/snapshots/<commit>` links into `models--org--name/blobs`. */
function hubBlobs(realRoot: string): string | null {
  const snapshots = dirname(realRoot);
  return basename(snapshots) === 'snapshots' ? join(dirname(snapshots), 'blobs') : null;
}

function isInside(folder: string | null, target: string): boolean {
  return folder !== null && target.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

function listFolder(walk: Walk, folder: string): Dirent[] {
  const location = locate(walk.place, folder);
  try {
    const entries = readdirSync(location, { withFileTypes: true });
    if (entries.some((entry) => entry.name.includes('\ufffd'))) refuseBadNames(location);
    return entries;
  } catch (cause) {
    if (cause instanceof WeighmarkError) throw cause;
    throw fileError(cause, folder === '' ? walk.place.root : folder);
  }
}

/** A decoded U+FFFD may stand for bytes that are not UTF-8; the raw bytes tell. */
function refuseBadNames(location: string): void {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  for (const raw of readdirSync(location, { encoding: 'buffer' })) {
    try {
      decoder.decode(raw);
    } catch (cause) {
      throw new WeighmarkError('name-unsafe', `a file name in ${location} is not UTF-8`, {
        subject: raw.toString('latin1'),
        cause,
      });
    }
  }
}

function rootStat(root: string): BigIntStats {
  try {
    return statSync(root, { bigint: true });
  } catch (cause) {
    throw fileError(cause, root);
  }
}

/** Checked paths need no normalizing, which costs as much as asking for the file's size. */
function locate({ root, base }: Place, path: string): string {
  return path === '' ? root : base + (sep === '/' ? path : path.replaceAll('/', sep));
}

/** Weights are read more than once, and their names count. */
const PIPED = 'save it to a file and name that; `weighmark hash -` alone reads what is piped into it';

function special(path: string): WeighmarkError {
  const piped = /^\/(?:dev|proc)\//.test(path);
  return new WeighmarkError('special-file', `${path} is neither a file nor a folder`, {
    subject: path,
    ...(piped ? { hint: PIPED } : {}),
  });
}
