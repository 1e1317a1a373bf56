import { judgeBy } from './structure.ts';

/** A header that no writer of the format makes, and code in its `__metadata__`. */
export const judgeSafetensors = judgeBy({ rule: 'WM-SAFETENSORS-001', codeRule: 'WM-SAFETENSORS-002' });
