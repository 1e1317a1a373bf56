import type { Role, Step } from '../claims/predicates.ts';
import { verifiedTime } from '../authority/time.ts';
import type { AcceptedStep } from './examine.ts';
import type { EdgeWord } from './types.ts';

const BY_STEP: Readonly<Record<Step, EdgeWord>> = {
  preprocess: 'preprocessed',
  train: 'finetune',
  'fine-tune': 'finetune',
  adapter: 'adapter',
  merge: 'merge',
  'adapter-merge': 'merge',
  quantize: 'quantized',
  convert: 'converted',
  cast: 'converted',
  reshard: 'converted',
  prune: 'pruned',
  package: 'packaged',
};

/** What an input is to what came out, in the words of the Hugging Face model tree. */
export function edgeWord(step: Step | null, role: Role | null): EdgeWord {
  if (role === 'dataset') return step === 'preprocess' || step === 'convert' ? BY_STEP[step] : 'trained-on';
  if (role === 'base-model') return step === null ? 'uses' : BY_STEP[step];
  if (role === 'adapter') return step === 'merge' || step === 'adapter-merge' ? 'merge' : 'adapter';
  return role === 'package' ? 'packaged' : 'uses';
}

/** By when the step's claim existed, RFC 3339; null: nobody but its signer says. */
export function timeOf(step: AcceptedStep | null): string | null {
  const time = step === null ? null : verifiedTime(step.claim);
  return time === null ? null : new Date(time).toISOString();
}
