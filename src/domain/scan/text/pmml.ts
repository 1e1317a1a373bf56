import { report, type Spot } from '../session.ts';

const IS_PMML = /<(?:[\w.-]{1,64}:)?PMML\b/;
/** A tag by its name and what stands in it; quoted values may hold `>`. */
const APPLY = /<(?:[\w.-]{1,64}:)?Apply\b((?:[^<>"']|"[^"]*"|'[^']*')*)>/g;
const FUNCTION = /(?:^|[\s"'])function\s*=\s*(?:"([^"]*)"|'([^']*)')/;
const OWN_ENTITY = /&(?!(?:amp|lt|gt|quot|apos);|#)[\w.:-]+;/;

export function isPmml(text: string): boolean {
  return IS_PMML.test(text);
}

/** Functions that PMML defines have plain names: any other one is looked up in the running program. */
export function judgePmml(spot: Spot, text: string): void {
  for (const [, attributes = ''] of text.matchAll(APPLY)) {
    const [, double, single] = FUNCTION.exec(attributes) ?? [];
    const name = (double ?? single ?? '').replace(/&#(?:x([\da-fA-F]{1,6})|(\d{1,7}));/g, referenced);
    if (OWN_ENTITY.test(name) || (/[.:$/#]|^__\w+__$/.test(name) && !/^[a-z]+(?::[a-z-]+)$/.test(name)))
      report(spot, 'WM-CODE-001', `the model calls the function ${name.slice(0, 200)} of the program that loads it`, {
        severity: 'high',
      });
  }
  if (/<(?:[\w.-]{1,64}:)?Extension\b[^>]{0,300}\b(?:script|class|code)\b/i.test(text))
    report(spot, 'WM-CODE-001', 'the model holds an extension that names code', { severity: 'medium' });
}

/** The character of an XML reference by number. */
function referenced(whole: string, hexadecimal?: string, decimal?: string): string {
  const point = hexadecimal === undefined ? Number(decimal) : Number.parseInt(hexadecimal, 16);
  return point <= 0x10ffff ? String.fromCodePoint(point) : whole;
}
