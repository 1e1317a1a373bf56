import { pick, type FactOf } from '../metadata/types.ts';
import { cite, since, type Build } from './build.ts';
import { isVaguer, licenceOf, type Licence } from '../metadata/licence.ts';
import type { LicenseChoice } from './types.ts';

/**
 * Every distinct licence anybody declares for the artifact, each cited. Sources that disagree all appear: a rule about
 * licences then sees all of them (the conflict itself is reported apart). A name without version stands back for the same with one.
 */
export function licencesOf(build: Build): readonly LicenseChoice[] {
  const byText = new Map<string, LicenseChoice>();
  const facts = pick(build.input.facts, 'licence');
  const alone = distinct(facts) === 1;
  const texts = facts.map((fact) => licenceOf(fact.value.text)?.text).filter((text) => text !== undefined);
  for (const fact of facts) {
    const licence = licenceOf(fact.value.text);
    if (licence === null || texts.some((text) => isVaguer(licence.text, text))) continue;
    const choice = byText.get(licence.text) ?? choiceOf(build, licence, { alone, url: fact.value.url });
    byText.set(licence.text, cite(build, choice, fact.source));
  }
  return [...byText.values()];
}

/** 1.5 and 1.6 allow an expression only as the one entry there is. */
export function choiceOf(
  build: Build,
  licence: Licence,
  options: { alone: boolean; url?: string | undefined },
): LicenseChoice {
  const declared = since(build, '1.6') ? ({ acknowledgement: 'declared' } as const) : {};
  if (licence.kind === 'id') return { license: { id: licence.text, ...declared } };
  if (licence.kind === 'expression' && (options.alone || since(build, '1.7')))
    return { expression: licence.text, ...declared };
  return { license: { name: licence.text, ...declared, ...(isUrl(options.url) ? { url: options.url } : {}) } };
}

export function isUrl(text: string | undefined): text is string {
  return text !== undefined && /^https?:\/\/[^\s"<>\\^`{|}]{1,2000}$/i.test(text);
}

function distinct(facts: readonly FactOf<'licence'>[]): number {
  return new Set(facts.map((fact) => licenceOf(fact.value.text)?.text).filter((text) => text !== undefined)).size;
}
