/** Who keeps models in folders of their own, and what lies anywhere else. */
export const STORES = [
  'hugging-face',
  'ollama',
  'docker-model-runner',
  'llama.cpp',
  'torch-hub',
  'lm-studio',
  'mlflow',
  'dvc',
  'git-lfs',
  'git-annex',
  'triton',
  'wandb',
  'modelscope',
  'kaggle',
  'keras',
  'whisper',
  'python-package',
  'node-package',
  'agent-skills',
  'agent-settings',
  'folder',
] as const;
export type StoreName = (typeof STORES)[number];

export interface KnownPlace {
  readonly store: StoreName;
  /** Absolute; it need not be there. */
  readonly location: string;
}

/** Where clients keep the servers they start. */
const AGENT_SETTINGS = [
  '.cursor/mcp.json',
  '.config/Claude/claude_desktop_config.json',
  'Library/Application Support/Claude/claude_desktop_config.json',
  'Library/Application Support/Claude/Claude Extensions',
] as const;

type Env = Readonly<Record<string, string | undefined>>;

/**
 * Where the tools of this user keep models, as their documentation says: their environment variables first.
 * @see https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables
 * @see https://docs.ollama.com/faq, https://docs.pytorch.org/docs/stable/hub.html, https://lmstudio.ai/docs
 */
export function knownPlaces(
  env: Env,
  { home, cwd }: { readonly home: string; readonly cwd: string },
): readonly KnownPlace[] {
  const cache = env['XDG_CACHE_HOME'] || `${home}/.cache`;
  const hub = env['HF_HUB_CACHE'] || `${env['HF_HOME'] || `${cache}/huggingface`}/hub`;
  const torch = `${env['TORCH_HOME'] || `${cache}/torch`}/hub`;
  const ollama = env['OLLAMA_MODELS'];
  const places: readonly (readonly [StoreName, readonly string[]])[] = [
    ['hugging-face', [hub]],
    ['ollama', ollama ? [ollama] : [`${home}/.ollama/models`, '/usr/share/ollama/.ollama/models']],
    ['docker-model-runner', [env['MODELS_PATH'] || `${home}/.docker/models`]],
    ['llama.cpp', [env['LLAMA_CACHE'] || `${cache}/llama.cpp`, `${home}/Library/Caches/llama.cpp`]],
    ['torch-hub', [torch]],
    ['lm-studio', [`${home}/.lmstudio/models`, `${cache}/lm-studio/models`]],
    ['mlflow', [`${cwd}/mlruns`, `${cwd}/mlartifacts`]],
    ['modelscope', [env['MODELSCOPE_CACHE'] || `${cache}/modelscope`]],
    ['kaggle', [env['KAGGLEHUB_CACHE'] || `${cache}/kagglehub`]],
    ['keras', [`${env['KERAS_HOME'] || `${home}/.keras`}/models`]],
    ['whisper', [`${cache}/whisper`]],
    ['wandb', [`${cache}/wandb/artifacts`]],
    [
      'agent-skills',
      ['.claude/skills', '.codex/skills', '.agents/skills', '.claude/plugins'].map((each) => `${home}/${each}`),
    ],
    ['agent-settings', AGENT_SETTINGS.map((each) => `${home}/${each}`)],
    ['agent-settings', [`${cwd}/.mcp.json`, `${cwd}/.vscode/mcp.json`, `${cwd}/.cursor/mcp.json`]],
    ['node-package', [`${cwd}/node_modules`]],
  ];
  return places.flatMap(([store, locations]) => locations.map((location) => ({ store, location })));
}

/** Folders in which Python's packages lie, below the roots of interpreters and environments: `lib/python3.13/site-packages`. */
export function pythonRoots(
  env: Env,
  { home, cwd }: { readonly home: string; readonly cwd: string },
): readonly string[] {
  const named = [env['VIRTUAL_ENV'], env['CONDA_PREFIX']].filter((root) => root !== undefined && root !== '');
  return [...named, `${cwd}/.venv`, `${home}/.local`, '/usr/local', '/usr'].map((root) => `${root}/lib`);
}

/** The store a folder somebody names lies in, by its path alone. */
export function storeOfPath(location: string): StoreName {
  const path = location.replaceAll('\\', '/');
  for (const [store, pattern] of BY_PATH) if (pattern.test(path)) return store;
  return 'folder';
}

/** What a store's own folders call the artifact in them, where its last folder is no name. */
export function nameInStore(location: string): { readonly name: string; readonly version?: string } | null {
  const path = location.replaceAll('\\', '/');
  const [, kaggle, version = ''] = /\/kagglehub\/(?:models|datasets)\/(.+)\/(\d+)$/.exec(path) ?? [];
  if (kaggle !== undefined) return { name: kaggle.replace('/versions', ''), version };
  const [, logged] = /\/models\/(m-[0-9a-f]{32})\/artifacts$/.exec(path) ?? [];
  return logged === undefined ? null : { name: logged };
}

const BY_PATH: readonly (readonly [StoreName, RegExp])[] = [
  ['node-package', /\/node_modules(?:\/|$)/],
  ['python-package', /\/(?:site|dist)-packages(?:\/|$)/],
  ['mlflow', /\/(?:mlruns|mlartifacts)(?:\/|$)/],
  ['lm-studio', /\/(?:\.lmstudio|lm-studio)\/models(?:\/|$)/],
  ['torch-hub', /\/torch\/hub(?:\/|$)/],
  ['llama.cpp', /\/llama\.cpp(?:\/|$)/],
  ['modelscope', /\/modelscope(?:\/|$)/],
  ['kaggle', /\/kagglehub(?:\/|$)/],
  ['keras', /\/\.keras\/models(?:\/|$)/],
  ['whisper', /\/\.cache\/whisper(?:\/|$)/],
  ['wandb', /\/wandb\/artifacts(?:\/|$)/],
];
