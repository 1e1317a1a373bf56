import { parseStrictJson } from './json.ts';
import { LIMITS } from './limits.ts';
import { counted } from './units.ts';

/** Who keeps notes for itself beside the content; `huggingface_hub` among what it downloaded, the others in a workspace. */
export type Bookkeeper = 'huggingface_hub' | 'DVC' | 'wandb';

interface Names {
  readonly by: Bookkeeper;
  /** Artifact paths, whole. */
  readonly path: RegExp;
  /** What the bytes must be read as, where the name alone does not say it. */
  readonly form?: 'json' | 'text' | 'wandb-records';
}

const RUN = String.raw`wandb\/(?:offline-)?run-\d{8}_\d{6}-[\w-]{1,128}`;

/**
 * An exact list: whatever else lies in these folders is content, to be signed and scanned.
 * @see https://dvc.org/doc/user-guide/project-structure/internal-files, held against DVC 3.63.0 and wandb 0.31.0
 */
const NAMES: readonly Names[] = [
  {
    by: 'huggingface_hub',
    path: /^\.cache\/huggingface\/(?:\.gitignore|CACHEDIR\.TAG|download\/.+\.(?:metadata|lock)|trees\/[0-9a-f]{40}\.json)$/,
  },
  { by: 'DVC', path: /^\.dvc\/cache\/(?:files\/md5\/)?[0-9a-f]{2}\/[0-9a-f]{30}$/ },
  { by: 'DVC', path: /^\.dvc\/cache\/(?:files\/md5\/)?[0-9a-f]{2}\/[0-9a-f]{30}\.dir$/, form: 'json' },
  { by: 'DVC', path: /^\.dvc\/cache\/runs\/[0-9a-f]{2}\/[0-9a-f]{64}\/[0-9a-f]{64}$/, form: 'text' },
  { by: 'DVC', path: /^\.dvc\/tmp\/(?:btime|lock|updater\.lock|(?:exps\/)?rwlock\.lock)$/, form: 'text' },
  { by: 'DVC', path: /^\.dvc\/tmp\/(?:updater|(?:exps\/)?rwlock)$/, form: 'json' },
  { by: 'DVC', path: /^\.dvc\/tmp\/exps\/run\/([0-9a-f]{40})\/\1\.run$/, form: 'json' },
  { by: 'wandb', path: new RegExp(String.raw`^${RUN}\/run-[\w-]{1,128}\.wandb$`), form: 'wandb-records' },
  { by: 'wandb', path: new RegExp(String.raw`^${RUN}\/run-[\w-]{1,128}\.wandb\.synced$`), form: 'text' },
  { by: 'wandb', path: new RegExp(String.raw`^${RUN}\/logs\/debug(?:-internal|-core)?\.log$`), form: 'text' },
  {
    by: 'wandb',
    path: new RegExp(
      String.raw`^${RUN}\/files\/(?:output\.log|requirements\.txt|conda-environment\.yaml|config\.yaml)$`,
    ),
    form: 'text',
  },
  { by: 'wandb', path: new RegExp(String.raw`^${RUN}\/files\/wandb-(?:metadata|summary)\.json$`), form: 'json' },
];

/** Links that wandb lays, and where each may lead: to its newest run, or to its own log. They are never followed. */
const LINKS: readonly { readonly path: RegExp; readonly target: RegExp }[] = [
  { path: /^wandb\/latest-run$/, target: /^(?:offline-)?run-[\w-]+$/ },
  { path: new RegExp(String.raw`^${RUN}\/logs\/debug-core\.log$`), target: /\/wandb\/logs\/core-debug-[\w-]+\.log$/ },
  {
    path: /^wandb\/debug(?:-internal|-core|-cli)?\.log$/,
    target: /^(?:offline-)?run-[\w-]+\/logs\/debug[\w.-]*\.log$/,
  },
];

/** Where such files can lie at all: most trees hold none of these folders. */
const FOLDERS = /^(?:\.cache|\.dvc|wandb)\//;

/**
 * Whose bookkeeping a file is; null for content.
 * @param begin the first bytes of the file, as many as are asked for; null if it cannot be read
 */
export function bookkeeperOf(path: string, begin: (bytes: number) => Uint8Array | null): Bookkeeper | null {
  if (!FOLDERS.test(path)) return null;
  const names = NAMES.find((each) => each.path.test(path));
  if (names === undefined) return null;
  return names.form === undefined || isOf(names.form, begin) ? names.by : null;
}

/** True for a name that only bookkeeping has, whatever lies there: enough for what a signer says was left out. */
export function isBookkeepingName(path: string): boolean {
  return FOLDERS.test(path) && [...NAMES, ...LINKS].some((each) => each.path.test(path));
}

/** True for a link that wandb keeps beside its runs: it leads to one of them. */
export function isBookkeepingLink(path: string, target: () => string): boolean {
  return FOLDERS.test(path) && LINKS.some((link) => link.path.test(path) && link.target.test(target()));
}

const WANDB_RECORDS = [0x3a, 0x57, 0x26, 0x42];

/** A file longer than a document may be is content. */
function isOf(form: NonNullable<Names['form']>, begin: (bytes: number) => Uint8Array | null): boolean {
  if (form === 'wandb-records') return begins(begin(WANDB_RECORDS.length), WANDB_RECORDS);
  const bytes = begin(LIMITS.documentBytes + 1);
  if (bytes === null || bytes.length > LIMITS.documentBytes) return false;
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    if (form === 'json') parseStrictJson(text);
    return !text.includes('\0');
  } catch {
    return false;
  }
}

function begins(bytes: Uint8Array | null, magic: readonly number[]): boolean {
  return magic.every((byte, at) => bytes?.[at] === byte);
}

/** `5 files of bookkeeping (.dvc/cache, .dvc/tmp)`: what a walk left out. Null for nothing. */
export function bookkeepingText(leftOut: readonly string[]): string | null {
  if (leftOut.length === 0) return null;
  const folders = [...new Set(leftOut.map((path) => path.split('/', 1)[0] ?? ''))];
  const whose = folders.every((folder) => folder === '.cache') ? "a download tool's bookkeeping" : 'bookkeeping';
  return `${counted(leftOut.length, 'file')} of ${whose} (${folders.map((folder) => KEPT[folder] ?? folder).join(', ')})`;
}

const KEPT: Readonly<Record<string, string>> = { '.cache': '.cache/huggingface', '.dvc': '.dvc/cache, .dvc/tmp' };

/** Whether a tree passes such a file over: notes of a download always, a workspace's unless they were asked for. */
export function isLeftOut(by: Bookkeeper | null, isAsked: boolean): boolean {
  return by === 'huggingface_hub' || (by !== null && !isAsked);
}
