import { report, type Spot } from '../session.ts';

/** Forms of credentials that are recognised for what they are; generic "password = …" is not looked for. */
const TOKENS: readonly (readonly [name: string, pattern: RegExp])[] = [
  ['an AWS access key', /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/],
  ['a GitHub token', /\b(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{40,255})\b/],
  ['a GitLab token', /\bglpat-[A-Za-z0-9_-]{20,64}\b/],
  ['a Hugging Face token', /\bhf_[A-Za-z0-9]{30,64}\b/],
  ['an OpenAI key', /\bsk-(?:proj-|svcacct-)?[A-Za-z0-9_-]{32,200}\b/],
  ['an Anthropic key', /\bsk-ant-[A-Za-z0-9_-]{24,200}\b/],
  ['a Google API key', /\bAIza[A-Za-z0-9_-]{35}\b/],
  ['a Slack token', /\bxox[abprs]-[A-Za-z0-9-]{20,200}\b/],
  ['a Stripe key', /\b[rs]k_live_[A-Za-z0-9]{20,200}\b/],
  ['an npm token', /\bnpm_[A-Za-z0-9]{36}\b/],
  ['a PyPI token', /\bpypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{50,400}\b/],
  ['a Weights & Biases key', /\bWANDB_API_KEY["'\s:=]{1,4}[0-9a-f]{40}\b/i],
  ['a JSON web token', /\beyJ[A-Za-z0-9_-]{15,2000}\.eyJ[A-Za-z0-9_-]{15,2000}\.[A-Za-z0-9_-]{20,1000}\b/],
];

/** What one of them must begin with: most texts hold none, and are looked through once. */
const BEGINNINGS = /A(?:KIA|SIA|Iza)|gh[pousr]_|github_pat_|glpat-|hf_|sk-|xox|k_live_|npm_|pypi-A|wandb_api_key|eyJ/i;

export function judgeSecrets(spot: Spot, text: string): void {
  const key = !text.includes('PRIVATE KEY-----')
    ? null
    : /-----BEGIN (?:[A-Z]{2,9} )?PRIVATE KEY-----\s*[A-Za-z0-9+/=\s:,-]{60}/.exec(
        text.replaceAll(String.raw`\n`, '\n'),
      );
  if (key !== null) report(spot, 'WM-SECRET-001', 'a private key', { offset: key.index });
  if (!BEGINNINGS.test(text)) return;
  for (const [name, pattern] of TOKENS) {
    const match = pattern.exec(text);
    if (match !== null && !isExample(match[0]))
      report(spot, 'WM-SECRET-002', name, { offset: Buffer.byteLength(text.slice(0, match.index)) });
  }
}

/** Placeholders of documentation: one character repeated, or the word itself. */
function isExample(token: string): boolean {
  return /EXAMPLE|xxxx|XXXX|0000000|your|\*\*\*/i.test(token) || new Set(token.slice(6)).size < 8;
}
