import type { Examined } from './examine.ts';

/**
 * Whether an artifact was made by a step that gives data: whoever prepares datasets says nothing of how a model came to be, and
 * neither does a conversion of no model and no adapter. Packaging gives what was packaged, all of it.
 */
export function givesData(node: Examined, look: (digest: string) => Examined): boolean {
  const seen = new Set<string>();
  const asking = [node];
  for (let at = asking.pop(); at !== undefined; at = asking.pop()) {
    if (seen.has(at.digest)) continue;
    seen.add(at.digest);
    const { step = null, inputs = [] } = at.step?.provenance ?? {};
    if (step === 'preprocess') return true;
    if (step === 'convert' && !inputs.some(({ role }) => role === 'base-model' || role === 'adapter')) return true;
    if (step !== 'package') continue;
    for (const { role, sha256 } of inputs) if (role === 'package' && sha256 !== null) asking.push(look(sha256));
  }
  return false;
}
