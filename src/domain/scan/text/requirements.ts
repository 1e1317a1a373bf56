import { report, type Spot } from '../session.ts';

/** The index of PyPI and those that frameworks themselves name in their installation guides. */
const INDEXES =
  /^https:\/\/(pypi\.org|files\.pythonhosted\.org|download\.pytorch\.org|data\.pyg\.org|pypi\.nvidia\.com|pypi\.ngc\.nvidia\.com|storage\.googleapis\.com\/jax-releases|wheels\.vllm\.ai|abetlen\.github\.io\/llama-cpp-python)(\/|$)/;
/** Where projects publish their own source. */
const FORGES = /^(git\+)?(https|ssh):\/\/(git@)?(github\.com|gitlab\.com|huggingface\.co|codeberg\.org)\//;

/** Packages that are installed from elsewhere than an index everybody can check: their code runs when they are installed. */
export function judgeRequirements(spot: Spot, text: string): void {
  for (const line of text
    .replace(/\\\r?\n/g, ' ')
    .split(/\r?\n/)
    .slice(0, 100_000)) {
    const [, option, url] =
      /^\s*(?:requires\s*=\s*)?[["'\s]*(?:-\s+)?["']?(?:--pre\s+)?(?:((?:--)?(?:extra-)?index[-_]url|-i|--find-links|find[-_]links|-f|-r|-c|--requirement|--constraint|url(?=\s*=\s*["']))\s*[ =]\s*["']?)?(?:-e\s+)?(?:[\w.[\],-]+\s*@\s*)?((?:(?:git|hg|svn|bzr)\+)?(?:https?|ssh|git|file):\/\/[^\s"'\]]{1,500})/.exec(
        line,
      ) ?? [];
    if (url === undefined || INDEXES.test(url)) continue;
    const forge = option === undefined && FORGES.test(url);
    report(spot, 'WM-CONFIG-006', `${option ?? 'a package'} is taken from ${url.slice(0, 200)}`, {
      severity: forge ? 'low' : 'medium',
    });
  }
}
