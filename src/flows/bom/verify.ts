import { readBom } from '../../domain/bom/read.ts';
import { summarize, type BomSummary, type BomSummaryFile } from '../../domain/bom/summary.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import type { Digests } from '../../domain/digest/algorithm.ts';
import { sha256Hex } from '../../domain/digest/hex.ts';
import { digestListSha256, parseDigestList, type ListedFile } from '../../domain/digest/list.ts';
import { sidecarsOf } from '../../domain/base/paths.ts';
import type { Tree } from '../../domain/ports/files.ts';
import { checkOf, verdictOf, type Evidence, type Finding, type Verdict } from '../../domain/base/verdict.ts';
import { identify, walkAndHash, type BomPorts } from './create.ts';

export interface BomVerifyInput {
  /** The BOM file. */
  readonly bom: string;
  /** The artifact: a folder or a file. */
  readonly path: string;
  /** As the user named them. */
  readonly shown: { readonly bom: string; readonly path: string };
  readonly allowSymlinks?: boolean;
  readonly jobs?: number;
}

/**
 * Do the files match the BOM: every file listed, none unlisted, every digest the BOM states right. Says nothing of who
 * wrote the BOM.
 * @throws WeighmarkError `bom-invalid`, `not-found`, `empty-artifact`, and what hashing throws.
 */
export async function bomVerify(input: BomVerifyInput, ports: BomPorts): Promise<Verdict> {
  const summary = summarize(readBom(await ports.files.read(input.bom, LIMITS.bomBytes), input.bom));
  const { tree, digests } = await walkAndHash(input, ports);
  const own = await ownPath(input, tree, ports);
  const found = new Map([...digests].filter(([path]) => path !== own));
  const { path: subject } = input.shown;
  const listed = listedFiles(summary, tree);
  const notes = own === null ? [] : [`${own} is the BOM itself`];
  const notAsked = ["the BOM's signature"];
  if (listed.length === 0 && summary.fileList === undefined) {
    const finding: Finding = {
      code: 'nothing-to-verify',
      message: `${input.shown.bom} states no digest of any file`,
      hint: 'make one that does: `weighmark bom create`',
    };
    return verdictOf({ subject, checks: [checkOf('content', [], [finding])], notes, notAsked });
  }
  const stated = await statedFiles(listed, { list: summary.fileList, tree, found }, ports);
  const findings = onceEach([
    ...stated.findings,
    ...[...listed, ...stated.files].flatMap((file) => fileFindings(file, found.get(file.path))),
    ...(stated.isWhole ? unlisted(stated.files, found) : []),
    ...idFindings(summary, tree, found),
  ]);
  const bad = new Set(findings.map((finding) => finding.subject));
  const good = stated.files.filter(({ path }) => !bad.has(path)).length;
  return verdictOf({
    subject,
    ...idSaid(summary, idOf(tree, found)),
    checks: [checkOf('content', evidence(good, stated.files), findings)],
    notes,
    notAsked,
  });
}

interface Stated {
  readonly files: readonly BomSummaryFile[];
  /** Whether these are all files that the BOM speaks of. */
  readonly isWhole: boolean;
  readonly findings: readonly Finding[];
}

interface Against {
  /** SHA-256 of the digest list that the BOM names for the files it does not name. */
  readonly list: string | undefined;
  readonly tree: Tree;
  readonly found: ReadonlyMap<string, Digests>;
}

/** The files of a BOM that names a list instead: those found, if they make that list; else what the list beside them says. */
async function statedFiles(
  listed: readonly BomSummaryFile[],
  { list, tree, found }: Against,
  { files }: BomPorts,
): Promise<Stated> {
  if (list === undefined) return { files: listed, isWhole: true, findings: [] };
  const here = tree.entries.flatMap(({ path, sizeBytes }) => {
    const { sha256 = '', blake3 = '' } = found.get(path) ?? {};
    return found.has(path) ? [{ path, sizeBytes, sha256, blake3 }] : [];
  });
  if (digestListSha256(here) === list) return { files: here.map(statedFile), isWhole: true, findings: [] };
  const beside = await files.readIfThere(sidecarsOf(tree).digestList, LIMITS.digestListBytes);
  if (beside !== null && sha256Hex(beside) === list)
    return { files: parseDigestList(beside).map(statedFile), isWhole: true, findings: [] };
  const finding: Finding = {
    code: 'digest-mismatch',
    message: 'the files are not those of the digest list that the BOM names',
    hint: 'that list, `.weighmark/files`, would say which: fetch it too',
  };
  return { files: listed, isWhole: false, findings: [finding] };
}

function statedFile({ path, sizeBytes, sha256, blake3 }: ListedFile): BomSummaryFile {
  return { path, sizeBytes, digests: { sha256, blake3 }, properties: {} };
}

/** A file that is named and listed is told once. */
function onceEach(findings: readonly Finding[]): readonly Finding[] {
  return [...new Map(findings.map((finding) => [`${finding.code} ${finding.message}`, finding])).values()];
}

function evidence(good: number, listed: readonly BomSummaryFile[]): readonly Evidence[] {
  const algorithms = (['sha256', 'blake3'] as const).filter((key) =>
    listed.some(({ digests }) => digests[key] !== undefined),
  );
  return good === 0
    ? []
    : [
        {
          what: `${good} of ${listed.length} files are as the BOM says (${algorithms.join(', ')})`,
          data: { good, signed: listed.length },
        },
      ];
}

/** The BOM may lie in the folder it describes. */
async function ownPath(input: BomVerifyInput, tree: Tree, ports: BomPorts): Promise<string | null> {
  const real = await ports.files.realPath(input.bom);
  for (const { path, location } of tree.entries)
    if (location.endsWith(path) && (await ports.files.realPath(location)) === real) return path;
  return null;
}

/** The files a BOM lists; a BOM that lists none but digests its subject is about a single file. */
function listedFiles(summary: BomSummary, tree: Tree): readonly BomSummaryFile[] {
  const listed = summary.files.filter(({ path }) => path !== '');
  if (listed.length > 0 || Object.keys(summary.digests).length === 0) return listed;
  const [only] = tree.entries;
  return tree.entries.length === 1 && only !== undefined
    ? [{ path: only.path, digests: summary.digests, properties: {} }]
    : [];
}

function fileFindings(file: BomSummaryFile, found: Digests | undefined): readonly Finding[] {
  const { path } = file;
  if (found === undefined)
    return [{ code: 'file-missing', message: `${path} is in the BOM and not here`, subject: path }];
  const stated = (['sha256', 'blake3'] as const).filter((key) => file.digests[key] !== undefined);
  if (stated.length === 0)
    return [{ code: 'bom-incomplete', message: `the BOM states no SHA-256 or BLAKE3 of ${path}`, subject: path }];
  const wrong = stated.filter((key) => file.digests[key] !== found[key]);
  const [first] = wrong;
  if (first === undefined) return [];
  const facts = { bom: `${first}:${file.digests[first] ?? ''}`, found: `${first}:${found[first] ?? ''}` };
  if (wrong.length < stated.length)
    return [
      { code: 'digest-conflict', message: `the BOM's digests of ${path} cannot both be right`, subject: path, facts },
    ];
  return [{ code: 'digest-mismatch', message: `${path} is not the file the BOM describes`, subject: path, facts }];
}

function unlisted(listed: readonly BomSummaryFile[], found: ReadonlyMap<string, Digests>): readonly Finding[] {
  const known = new Set(listed.map(({ path }) => path));
  return [...found.keys()]
    .filter((path) => !known.has(path))
    .map((path) => ({ code: 'file-unsigned', message: `${path} is here and not in the BOM`, subject: path }));
}

/** Our own BOMs also state the id, which binds the names. */
function idFindings(summary: BomSummary, tree: Tree, found: ReadonlyMap<string, Digests>): readonly Finding[] {
  const { id, ids = [] } = idOf(tree, found);
  if (summary.id === undefined || ids.includes(summary.id)) return [];
  return [
    {
      code: 'digest-mismatch',
      message: 'the id of this content is not the one in the BOM',
      facts: { bom: summary.id, found: id ?? 'none' },
    },
  ];
}

/** The id by which the BOM means this content, else the one it goes by here. */
function idSaid({ id: said }: BomSummary, { id, ids = [] }: ReturnType<typeof idOf>): { readonly id?: string } {
  if (said !== undefined && ids.includes(said)) return { id: said };
  return id === undefined ? {} : { id };
}

function idOf(
  tree: Tree,
  found: ReadonlyMap<string, Digests>,
): { readonly id?: string; readonly ids?: readonly string[] } {
  const files = tree.entries
    .filter(({ path }) => found.has(path))
    .map(({ path, sizeBytes }) => ({ path, sizeBytes, digests: found.get(path) ?? {} }));
  return files.length === 0 ? {} : identify(files);
}
