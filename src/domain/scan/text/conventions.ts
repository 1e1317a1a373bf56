import { report, type Spot } from '../session.ts';
import { judgeTarget } from './configs.ts';
import { judgeAddress, judgeRequirement } from './requirements.ts';

type Fields = Readonly<Record<string, unknown>>;

/** Files of tools that build or serve a model: which of their entries are run, imported or installed. */
const CONVENTIONS: readonly (readonly [name: RegExp, judge: (spot: Spot, value: Fields) => void])[] = [
  [/^bentofile\.ya?ml$/i, judgeBento],
  [/^cog\.ya?ml$/i, judgeCog],
  [/^(?:conda|environment|python_env|conda-env)[\w.-]*\.ya?ml$/i, judgeConda],
  [/^model-settings\.json$/i, judgeMlServer],
];

export function isConvention(name: string): boolean {
  return CONVENTIONS.some(([named]) => named.test(name));
}

/** Judges a parsed configuration for what the tool that reads files of this name does with it. */
export function judgeConventions(spot: Spot, name: string, value: unknown): void {
  const fields = fieldsOf(value);
  for (const [named, judge] of CONVENTIONS) if (named.test(name)) judge(spot, fields);
  for (const each of [fields, ...listOf(fields['applications']).map(fieldsOf)]) judgeRuntime(spot, each);
}

/** @see https://docs.bentoml.com/en/latest/reference/bentoml/bento-build-options.html */
function judgeBento(spot: Spot, value: Fields): void {
  const [docker, python] = [fieldsOf(value['docker']), fieldsOf(value['python'])];
  for (const key of ['setup_script', 'dockerfile_template'])
    if (docker[key] !== undefined && docker[key] !== null)
      report(spot, 'WM-CONFIG-001', `${key} runs ${textOf(docker[key])} when the service is built`);
  judgeInstaller(spot, python);
  for (const line of textsIn(python['packages'])) judgeRequirement(spot, line);
  for (const line of textsIn(python['pip_args'])) judgeRequirement(spot, line);
}

/** Options of pip as entries of a configuration. */
function judgeInstaller(spot: Spot, value: Fields): void {
  for (const [key, entry] of Object.entries(value)) {
    const option = /^(?:extra_)?index_url$|^find_links$|^trusted_host$/.test(key)
      ? key.replaceAll('_', '-')
      : undefined;
    for (const address of option === undefined ? [] : textsIn(entry)) judgeAddress(spot, option, address);
  }
}

/** Commands of a build may do anything; what they install from elsewhere is said. @see https://cog.run/yaml */
function judgeCog(spot: Spot, value: Fields): void {
  const build = fieldsOf(value['build']);
  for (const line of textsIn(build['python_packages'])) judgeRequirement(spot, line);
  for (const step of [...listOf(build['run']), ...listOf(build['pre_install'])]) {
    const command = typeof step === 'string' ? step : textOf(fieldsOf(step)['command']);
    const [, installed = ''] = /\bpip3?\s+install\s+([^;&|]{1,4000})/.exec(command) ?? [];
    judgeRequirement(spot, installed);
  }
}

const CHANNELS =
  /^https:\/\/(?:conda\.anaconda\.org|repo\.(?:anaconda|continuum)\.(?:com|io)|conda\.modular\.com|prefix\.dev)(?:\/|$)/i;

function judgeConda(spot: Spot, value: Fields): void {
  for (const channel of textsIn(value['channels']))
    if (/:\/\//.test(channel) && !CHANNELS.test(channel)) judgeAddress(spot, 'index-url', channel);
  for (const entry of [...listOf(value['dependencies']), ...listOf(value['build_dependencies'])])
    for (const line of typeof entry === 'string' ? [entry] : textsIn(fieldsOf(entry)['pip']))
      judgeRequirement(spot, line);
}

/** MLServer imports the class that `implementation` names. */
function judgeMlServer(spot: Spot, value: Fields): void {
  const { implementation } = value;
  if (typeof implementation === 'string' && !/^mlserver(?:_\w+)?\./.test(implementation))
    judgeTarget(spot, implementation, 'implementation');
}

/** Ray unpacks and installs what a runtime environment names. */
function judgeRuntime(spot: Spot, value: Fields): void {
  const runtime = fieldsOf(value['runtime_env']);
  for (const address of [...textsIn(runtime['working_dir']), ...textsIn(runtime['py_modules'])])
    if (/:\/\//.test(address)) report(spot, 'WM-CONFIG-001', `runtime_env takes code from ${address.slice(0, 200)}`);
  const { pip } = runtime;
  for (const line of textsIn(Array.isArray(pip) ? pip : fieldsOf(pip)['packages'])) judgeRequirement(spot, line);
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value.slice(0, 10_000) : [];
}

/** One text, or the texts of a list. */
function textsIn(value: unknown): readonly string[] {
  return (typeof value === 'string' ? [value] : listOf(value)).filter((each) => typeof each === 'string');
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value.slice(0, 200) : 'a script';
}
