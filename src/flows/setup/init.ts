import { join } from 'node:path';
import type { Files } from '../../domain/ports/files.ts';
import type { Git } from '../../domain/ports/git.ts';
import { CONFIG_TEMPLATE, hookTemplate, policyTemplate } from './templates.ts';

/** What a repository holds that matters here; paths from its top folder. */
export interface Survey {
  readonly models: readonly string[];
  readonly datasets: readonly string[];
  /** Folders of models that somebody sealed or signed already. */
  readonly sealed: readonly string[];
  readonly lfs: boolean;
  readonly ci: readonly string[];
  readonly preCommit: boolean;
}

export interface PlannedFile {
  readonly path: string;
  readonly content: string;
  readonly exists: boolean;
}

const MODEL = /\.(?:safetensors|gguf|onnx|pt|pth|ckpt|h5|keras|tflite|pb|joblib|pkl)$/i;
const DATASET = /(?:^|\/)(?:data|datasets?)\/.*\.(?:csv|tsv|jsonl|parquet|arrow)$/i;
/** What `seal` and `sign` leave beside a model. */
const SIDECAR = /(?:^|\/)(?:model\.sig|claims\.jsonl|[^/]+\.oms\.sig)$/;
const CI_FILES: readonly (readonly [RegExp, string])[] = [
  [/^\.github\/workflows\//, 'GitHub Actions'],
  [/^\.gitlab-ci\.yml$/, 'GitLab CI'],
  [/^Jenkinsfile$/, 'Jenkins'],
];

export const POLICY_FILE = 'policy.yaml';

/** Looks at the repository (outside of one, at the folder, a few levels deep) and says what `init` would write there. */
export async function planInit(
  folder: string,
  ports: { files: Files; git: Git },
): Promise<{ survey: Survey; plan: readonly PlannedFile[] }> {
  const inside = (await ports.git.root()) !== null;
  const survey = surveyOf(inside ? await ports.git.files() : await pathsBelow(folder, DEEP, ports.files));
  const contents: readonly (readonly [string, string])[] = [
    ['weighmark.yaml', CONFIG_TEMPLATE],
    [POLICY_FILE, policyTemplate(folderName(folder))],
    ['.pre-commit-config.yaml', hookTemplate()],
  ];
  const plan = contents.map(async ([path, content]) => ({
    path,
    content,
    exists: (await ports.files.kindOf(join(folder, path))) !== 'none',
  }));
  return { survey, plan: await Promise.all(plan) };
}

const DEEP = 3;
const MOST_NAMES = 10_000;

/** Paths of files from a folder, links not followed; a home folder is not walked to its end, what cannot be read is passed over. */
async function pathsBelow(folder: string, deep: number, files: Files): Promise<readonly string[]> {
  const items = (await files.items(folder).catch(() => [])).slice(0, MOST_NAMES);
  const below = items.map(async ({ name, kind }): Promise<readonly string[]> => {
    if (kind === 'file') return [name];
    if (kind !== 'directory' || deep === 1 || /^(?:\.git|node_modules|\.venv)$/.test(name)) return [];
    return (await pathsBelow(join(folder, name), deep - 1, files)).map((path) => `${name}/${path}`);
  });
  return (await Promise.all(below)).flat();
}

/** Writes what is not there yet; an existing file is never touched. */
export async function writeInit(
  folder: string,
  plan: readonly PlannedFile[],
  ports: { files: Files },
): Promise<readonly string[]> {
  const missing = plan.filter(({ exists }) => !exists);
  for (const { path, content } of missing) await ports.files.write(join(folder, path), content, { exclusive: true });
  return missing.map(({ path }) => path);
}

function surveyOf(paths: readonly string[]): Survey {
  return {
    models: paths.filter((path) => MODEL.test(path)),
    datasets: paths.filter((path) => DATASET.test(path)),
    sealed: [...new Set(paths.filter((path) => SIDECAR.test(path)).map(folderOf))],
    lfs: paths.includes('.gitattributes'),
    ci: CI_FILES.flatMap(([pattern, name]) => (paths.some((path) => pattern.test(path)) ? [name] : [])),
    preCommit: paths.includes('.pre-commit-config.yaml'),
  };
}

function folderOf(path: string): string {
  return path.split('/').slice(0, -1).join('/') || '.';
}

function folderName(folder: string): string {
  const name = folder.split(/[\\/]/).findLast((part) => part !== '') ?? 'models';
  return (
    name
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-+|-+$/g, '') || 'models'
  );
}
