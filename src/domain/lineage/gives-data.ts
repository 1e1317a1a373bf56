import type { Examined } from './examine.ts';

/**
 * Whether an artifact was made by a step that gives data: whoever prepares datasets says nothing of how a model came to be, and
 * neither does a conversion of no model. Packaging gives what was packaged.
 */
export function givesData(node: Examined, look: (digest: string) => Examined): boolean {
  const seen = new Set<string>();
  for (let at = node; !seen.has(at.digest);) {
    seen.add(at.digest);
    const { step = null, inputs = [] } = at.step?.provenance ?? {};
    if (step === 'convert') return !inputs.some(({ role }) => role === 'base-model');
    const packaged = inputs.find(({ role }) => role === 'package')?.sha256 ?? null;
    if (step !== 'package' || packaged === null) return step === 'preprocess';
    at = look(packaged);
  }
  return false;
}
