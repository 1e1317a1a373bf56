import { formatOfName, kindOf } from '../../domain/formats/names.ts';
import { sidecarsOf } from '../../domain/base/paths.ts';
import { forShell } from '../../domain/base/text.ts';
import { otherDigests } from '../../domain/metadata/collect.ts';
import { agrees } from '../../domain/metadata/store-digests.ts';
import { pick, type StatedDigest } from '../../domain/metadata/types.ts';
import type { Tree, TreeEntry } from '../../domain/ports/files.ts';
import { counted, formatBytes } from '../../domain/base/units.ts';
import {
  findingOf,
  refusedCheck,
  verdictOf,
  type Evidence,
  type Finding,
  type Verdict,
} from '../../domain/base/verdict.ts';
import { hashTree, type HashTreePorts } from '../content/hash-tree.ts';
import { recordedFacts } from './recorded.ts';

export interface UnsignedQuestion {
  readonly root: string;
  readonly shown: string;
  readonly kind: 'file' | 'directory';
  readonly lookedFor: string;
  readonly allowSymlinks?: boolean;
  readonly ignore?: readonly string[];
}

/** The verdict on something nobody signed: what it is, what it is said to be, and that nothing was verified. */
export async function describeUnsigned(question: UnsignedQuestion, ports: HashTreePorts): Promise<Verdict> {
  const { shown, lookedFor } = question;
  const finding = {
    code: 'nothing-to-verify' as const,
    message: `nobody signed ${shown} (looked for ${lookedFor})`,
    hint: (await partHint(question, ports)) ?? `safe to load? \`weighmark scan ${forShell(shown)}\``,
  };
  const conflicts: Finding[] = [];
  const claimed = await contentLines(question, ports, conflicts);
  return verdictOf({ subject: shown, checks: [refusedCheck('signature', [finding, ...conflicts])], claimed });
}

/** A file of a folder that somebody signed as a whole: what was signed is the folder. Null: there is none around it. */
async function partHint({ root, shown, kind }: UnsignedQuestion, { files }: HashTreePorts): Promise<string | null> {
  if (kind !== 'file') return null;
  const parts = root.split('/');
  for (let depth = parts.length - 1; depth > Math.max(1, parts.length - 1 - MOST_FOLDERS); depth -= 1) {
    const folder = parts.slice(0, depth).join('/');
    const path = parts.slice(depth).join('/');
    const { signature, claims } = sidecarsOf({ root: folder, kind: 'directory' });
    if ((await files.kindOf(signature)) !== 'file' && (await files.kindOf(claims)) !== 'file') continue;
    const named = shown === path ? '.' : shown.endsWith(`/${path}`) ? shown.slice(0, -path.length - 1) : folder;
    return `it is a part of a folder that is signed as a whole: \`weighmark verify ${forShell(named)} --only ${forShell(path)}\``;
  }
  return null;
}

const MOST_FOLDERS = 8;

async function contentLines(
  { root, allowSymlinks, ignore }: UnsignedQuestion,
  ports: HashTreePorts,
  conflicts: Finding[],
): Promise<readonly Evidence[]> {
  try {
    const tree = await ports.files.walk(root, { allowSymlinks: allowSymlinks === true, ignore: ignore ?? [] });
    const bytes = tree.entries.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const formats = weightFormats(tree);
    const what = [
      `${tree.entries.length} ${tree.entries.length === 1 ? 'file' : 'files'}`,
      formatBytes(bytes),
      ...formats,
    ].join(', ');
    return [
      { what, data: { files: tree.entries.length, bytes, formats } },
      ...(await downloadLine(tree, ports, conflicts)),
    ];
  } catch (error) {
    return [{ what: `its files cannot be listed: ${findingOf(error).message}` }];
  }
}

/** By name alone: nothing is opened for this. */
function weightFormats({ entries }: Tree): readonly string[] {
  const formats = entries.map(({ path }) => ({ path, format: formatOfName(path) }));
  return [
    ...new Set(
      formats.flatMap(({ path, format }) =>
        format !== undefined && kindOf(format, path) === 'weights' ? [format] : [],
      ),
    ),
  ].slice(0, 5);
}

/** What download tools and stores noted of the files, compared with them; still only their say. */
async function downloadLine(tree: Tree, ports: HashTreePorts, conflicts: Finding[]): Promise<readonly Evidence[]> {
  const facts = await recordedFacts(tree, ports);
  const commits = new Set(pick(facts, 'version').map(({ value }) => value));
  const [commit] = commits;
  const stated = pick(facts, 'digest').map(({ value }) => value);
  if (commit === undefined && stated.length === 0) return [];
  const { right, wrong } = await compare(tree, stated, ports);
  for (const { path = '', recordedBy = 'a download tool' } of wrong.slice(0, SHOWN))
    conflicts.push({
      code: 'download-conflict',
      message: `${path} is not what ${recordedBy} recorded: its digest differs`,
      subject: path,
      hint: OWN_WORK[recordedBy] ?? 'fetch it again',
    });
  const matching = {
    what: `${right} of ${counted(tree.entries.length, 'file')} ${tree.entries.length === 1 ? 'matches' : 'match'}`,
    data: { matching: right },
  };
  if (commit === undefined) return [{ ...matching, what: `${matching.what} what ${recorders(stated)} recorded` }];
  const from =
    commits.size === 1 ? `Hugging Face commit ${commit.slice(0, 7)}` : `${commits.size} Hugging Face commits`;
  return [
    { what: `${from}; ${matching.what} its download checksums`, data: { commits: [...commits], ...matching.data } },
  ];
}

/** Where a change may be the user's own work, not recorded yet. */
const OWN_WORK: Readonly<Record<string, string>> = {
  DVC: '`dvc checkout` restores it; a change of your own is recorded by `dvc add`',
  'Git LFS': '`git restore` restores it; a change of your own is recorded by `git add`',
  'git-annex': '`git annex fsck` looks for a good copy; a change of your own is recorded by `git annex add`',
};

function recorders(stated: readonly StatedDigest[]): string {
  return [...new Set(stated.map(({ recordedBy = 'a download tool' }) => recordedBy))].join(' and ');
}

/** Files that are as everybody recorded them, and the first word against each other. */
async function compare(
  tree: Tree,
  stated: readonly StatedDigest[],
  ports: HashTreePorts,
): Promise<{ right: number; wrong: readonly StatedDigest[] }> {
  const byPath = Map.groupBy(stated, ({ path }) => path ?? '');
  const spokenOf = tree.entries.filter(({ path }) => byPath.has(path));
  const large = spokenOf.filter(({ path }) => byPath.get(path)?.some(({ algorithm }) => algorithm === 'sha256'));
  const hashed = await hashTree(
    large,
    { label: 'comparing', algorithms: ['sha256'], followLinks: tree.followedLinks },
    ports,
  );
  const sha256 = new Map(hashed.map(({ entry, digests }) => [entry.path, digests.sha256]));
  const wrong: StatedDigest[] = [];
  for (const entry of spokenOf) {
    const said = byPath.get(entry.path) ?? [];
    const other = said.some(({ algorithm }) => algorithm !== 'sha256') ? await othersOf(entry, tree, ports) : undefined;
    const against = said.find((each) => !isRecorded(each, sha256.get(entry.path), other));
    if (against !== undefined) wrong.push(against);
  }
  return { right: spokenOf.length - wrong.length, wrong };
}

type Others = Awaited<ReturnType<typeof otherDigests>>;

function isRecorded(stated: StatedDigest, sha256: string | undefined, others: Others | undefined): boolean {
  const own = stated.algorithm === 'sha256' ? sha256 : others === undefined ? undefined : otherOf(stated, others);
  return own !== undefined && agrees(stated, own);
}

function otherOf({ algorithm }: StatedDigest, others: Others): string | undefined {
  const by: Partial<Record<StatedDigest['algorithm'], string>> = {
    'git-blob-sha1': others.gitBlob,
    sha1: others.sha1,
    md5: others.md5,
    'md5-dos2unix': others.md5Unix,
  };
  return by[algorithm];
}

const SHOWN = 20;

async function othersOf(entry: TreeEntry, tree: Tree, ports: HashTreePorts): Promise<Others> {
  const file = await ports.files.open(entry.location, { followLink: tree.followedLinks });
  const digests = await otherDigests(file);
  await file.close();
  return digests;
}
