import { report, type Spot } from '../session.ts';

/** The index of PyPI and those that frameworks themselves name in their installation guides. */
const INDEXES =
  /^https:\/\/(pypi\.org|files\.pythonhosted\.org|download\.pytorch\.org|data\.pyg\.org|pypi\.nvidia\.com|pypi\.ngc\.nvidia\.com|storage\.googleapis\.com\/jax-releases|wheels\.vllm\.ai|abetlen\.github\.io\/llama-cpp-python)(\/|$)/i;
/** Where projects publish their own source. */
const FORGES = /^(git\+)?(https|ssh):\/\/(git@)?(github\.com|gitlab\.com|huggingface\.co|codeberg\.org)\//i;
const URL = /^(?:(?:git|hg|svn|bzr)\+)?(?:https?|ssh|git|file|ftp):\/\//i;

/** Options of a requirements file that take a value. Python's optparse takes any beginning that is one option's alone. */
const OPTIONS = [
  'index-url',
  'pypi-url',
  'extra-index-url',
  'find-links',
  'trusted-host',
  'requirement',
  'constraint',
  'editable',
];
const SHORT: Readonly<Record<string, string>> = {
  i: 'index-url',
  f: 'find-links',
  r: 'requirement',
  c: 'constraint',
  e: 'editable',
};
const LINES = 100_000;

/** Lines as pip reads them. @see pip/_internal/req/req_file.py */
export function judgeRequirements(spot: Spot, text: string): void {
  for (const line of text
    .replace(/\\\r?\n/g, ' ')
    .split(/\r\n|[\n\r\v\f\u0085\u2028\u2029]/)
    .flatMap((line) => line.split(/\p{Cc}(?<=[^\t])/u))
    .slice(0, LINES))
    judgeRequirement(spot, line);
}

/** One line: options with their values, else a package, perhaps with the address it is taken from. */
export function judgeRequirement(spot: Spot, line: string): void {
  const words = line.replace(/(?:^|\s)#.*$/, '').match(/(?:[^\s"']|"[^"]*"|'[^']*')+/g) ?? [];
  for (let at = 0; at < words.length; at++) {
    const word = (words[at] ?? '').replace(/["']/g, '');
    const [, long, given] = /^--([\w-]+)(?:=(.*))?$/s.exec(word) ?? [];
    const option = long === undefined ? SHORT[/^-([a-z])/.exec(word)?.[1] ?? ''] : optionOf(long);
    if (option === undefined) judgeAddress(spot, undefined, word.replace(/^[\w.[\],-]*@/, ''));
    else {
      const joined = long === undefined ? word.slice(2).replace(/^=/, '') : given;
      const value = joined === undefined || joined === '' ? (words[++at] ?? '').replace(/["']/g, '') : joined;
      judgeAddress(spot, option, value);
    }
  }
}

function optionOf(name: string): string | undefined {
  const meant = OPTIONS.filter((option) => option.startsWith(name));
  return meant.length === 1 || OPTIONS.includes(name)
    ? (OPTIONS.find((option) => option === name) ?? meant[0])
    : undefined;
}

/** Packages from elsewhere than an index everybody can check: their code runs when they are installed. */
export function judgeAddress(spot: Spot, option: string | undefined, address: string): void {
  if (address === '' || INDEXES.test(address)) return;
  if (option === 'trusted-host')
    return report(spot, 'WM-CONFIG-006', `the host ${address.slice(0, 200)} need not prove who it is`);
  const chooses = option !== undefined && /index|pypi|links/.test(option);
  if (!chooses && !URL.test(address)) return;
  const forge = (option === undefined || option === 'editable') && FORGES.test(address);
  report(
    spot,
    'WM-CONFIG-006',
    `${option === undefined || option === 'editable' ? 'a package' : `--${option}`} is taken from ${address.slice(0, 200)}`,
    { severity: forge ? 'low' : 'medium' },
  );
}

/** A line of a TOML or INI file that names an index, or an address that a package is taken from. */
const SETTING =
  /^\s*(?:requires\s*=\s*)?[["'\s]*((?:--)?(?:extra-)?index[-_]url|-i|--find-links|find[-_]links|-f|url(?=\s*=\s*["']))?\s*[ =]?\s*["']?(?:-e\s+)?(?:[\w.[\],-]+\s*@\s*)?((?:(?:git|hg|svn|bzr)\+)?(?:https?|ssh|git|file):\/\/[^\s"'\]]{1,500})/i;

/** Settings of pip, uv, pipenv and setuptools. */
export function judgeInstallerSettings(spot: Spot, text: string): void {
  for (const line of text.split(/\r?\n/).slice(0, LINES)) {
    const host = /^\s*trusted[-_]host\s*=\s*(.{1,500})/i.exec(line)?.[1];
    if (host !== undefined) judgeAddress(spot, 'trusted-host', host.trim());
    const [, option, address = ''] = SETTING.exec(line) ?? [];
    judgeAddress(spot, option === undefined ? undefined : 'index-url', address);
  }
}
