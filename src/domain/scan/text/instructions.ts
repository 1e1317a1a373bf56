import { report, type Spot } from '../session.ts';

/** Phrases that tell a model to deceive the person it talks to. Each is of the kind no honest template holds. */
const DECEIT: readonly RegExp[] = [
  /\b(ignore|disregard|forget|override|bypass)\b.{0,40}\b(previous|prior|above|earlier|all|any|the|other|safety|system)\b.{0,30}\b(instructions?|prompts?|rules?|guidelines?|messages?|filters?|polic(y|ies))\b/i,
  /\b(do not|don'?t|never|without)\b.{0,30}\b(tell|telling|reveal|revealing|mention|mentioning|inform|informing|disclose|disclosing|alert|alerting|notify|notifying|show|warn|warning)\b.{0,40}\b(the )?(users?|anyone|anybody|them|humans?|person|this|these|instruction|that you|hidden|developer)\b/i,
  /\b(secretly|covertly|silently|quietly|discreetly|invisibly|unbeknownst|behind the scenes|hidden (instruction|directive|task|goal|rule)s?|backdoor|sleeper)\b/i,
  /\b(exfiltrat\w*|leak|steal|harvest|phish\w*)\b.{0,60}\b(data|credential|password|key|token|secret|conversation|message|input|information)/i,
  /\b(send|post|forward|upload|transmit|report)\b.{0,80}\b(to|at)\b\s{0,3}['"]?(https?:\/\/|[\w.]+@[\w.]+)/i,
  /\b(always|must|should|subtly)\b.{0,40}\b(recommend|promote|advise|suggest|include|insert|inject|add|append|use|link|redirect|direct)\b.{0,80}(https?:\/\/|<script|<iframe|<img|\bmalicious\b|\bvulnerab|\binsecure\b|\bcompetitor)/i,
  /\b(always|must|never fail to|be sure to)\b.{0,30}\b(recommend|promote|endorse|advertise|praise|favou?r)\b/i,
  /<script[\s>]|javascript:|<iframe|onerror\s*=|\bcurl\s+(-\w+\s+)*['"]?https?:\/\/\S+\s*\|\s*(ba)?sh/i,
  /\b(introduce|inject|insert|plant|add|write|generate|produce)\b.{0,40}\b(vulnerabilit(y|ies)|backdoors?|malware|malicious|exploits?|insecure|sql injection|xss)\b/i,
];
/** Hosts that schema references and documentation in templates name. */
const KNOWN_URL =
  /https?:\/\/(json-schema\.org|www\.w3\.org|huggingface\.co|schema\.org|example\.(com|org)|api\.example\.com)\b/i;
/** A branch taken when the conversation holds a plain word: markup and roles are what honest templates look for. */
const TRIGGER =
  /\{%-?\s*(?:el)?if\b[^%]{0,300}?(['"])([a-z0-9][a-z0-9 _.-]{2,60})\1\s+in\s+[^%]{0,60}\b(content|text|message|messages|prompt|user\w*|query|input)\b[^%]{0,100}%\}([\s\S]{0,2000}?)\{%-?\s*(?:end|else|elif)/gi;

export function judgeInstructions(
  spot: Spot,
  name: string,
  { template, literals }: { template: string; literals: readonly string[] },
): void {
  for (const literal of literals) judgeLiteral(spot, name, literal.replace(/\s+/g, ' '));
  for (const [, , trigger = '', , branch = ''] of template.matchAll(TRIGGER))
    judgeTrigger(spot, name, { trigger, branch });
}

/** True if the text tells a model to deceive its user. */
export function isDeceitful(text: string): boolean {
  return DECEIT.some((pattern) => pattern.test(text.slice(0, 100_000)));
}

function judgeLiteral(spot: Spot, name: string, text: string): void {
  if (text.length < 12) return;
  const deceit = DECEIT.map((pattern) => pattern.exec(text.slice(0, 100_000))).find((match) => match !== null);
  if (deceit !== undefined && deceit !== null)
    return report(spot, 'WM-TEMPLATE-003', `${name} says “${deceit[0].slice(0, 120)}”`);
  const url = /https?:\/\/[^\s'"<>]{4,100}/.exec(text);
  if (url !== null && !KNOWN_URL.test(url[0]))
    report(spot, 'WM-TEMPLATE-003', `${name} names ${url[0]}`, { severity: 'medium' });
}

function judgeTrigger(spot: Spot, name: string, { trigger, branch }: { trigger: string; branch: string }): void {
  const said = [...branch.matchAll(/'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"/g)]
    .map((match) => match[1] ?? match[2] ?? '')
    .join(' ');
  const prose = `${said} ${branch.replace(/\{[{%][\s\S]*?[%}]\}/g, ' ')}`;
  const words = prose.match(/\b[a-zA-Z]{2,}\b/g)?.length ?? 0;
  const known =
    /^(true|false|none|tool|function|image|audio|video|system|user|assistant|text|content|role|json|think|thinking)/i.test(
      trigger,
    );
  if (words >= 6 && !known)
    report(spot, 'WM-TEMPLATE-003', `${name} adds text when “${trigger}” occurs`, {
      severity: words >= 10 ? 'high' : 'medium',
    });
}
