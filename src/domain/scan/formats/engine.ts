import { PROGRAM_HEAD, programIn } from '../programs.ts';
import { report } from '../session.ts';
import type { Judge } from './judge.ts';

const CHUNK = 4 << 20;

/**
 * A TensorRT engine is a program for a GPU. One that carries code for the host (a lean runtime, plug-ins) runs it when it is
 * loaded, if the loader lets it: `setEngineHostCodeAllowed`.
 * @see https://docs.nvidia.com/deeplearning/tensorrt/latest/inference-library/advanced.html#version-compatibility
 */
export const judgeEngine: Judge = async (spot, { source }) => {
  for (let base = 0; base < source.size; base += CHUNK) {
    const { buffer, byteOffset, byteLength } = await source.read(base, CHUNK + PROGRAM_HEAD);
    const program = programIn(Buffer.from(buffer, byteOffset, byteLength));
    if (program === null) continue;
    report(spot, 'WM-FILE-004', `the engine holds ${program.what}, for the machine that loads it`, {
      severity: 'high',
      offset: base + program.at,
    });
    break;
  }
  return true;
};
