import type { FormatId, NamedSource } from '../../formats/types.ts';
import type { Spot } from '../session.ts';
import { probeExecutable } from '../probe.ts';
import type { JudgeOptions } from './judge.ts';

/** TorchScript's own code is judged with its archive. */
export async function judgeTextFile(spot: Spot, file: NamedSource, how: JudgeOptions): Promise<boolean> {
  if (how.setting.torchScript === true && /(^|\/)code\/.*\.py$/.test(file.path)) return true;
  return judgeAsText(spot, file, how.format);
}

export function judgeScript(spot: Spot, file: NamedSource): Promise<boolean> {
  return judgeAsText(spot, file, 'script');
}

/** Reported as what its name and place make of it; here it is only confirmed. */
export async function judgeExecutable(_: Spot, { source }: NamedSource): Promise<boolean> {
  return (await probeExecutable(source)) !== null;
}

/** Loaded when there is text: YAML and all that is known of secrets and code take a third of the start of a hook. */
async function judgeAsText(spot: Spot, file: NamedSource, format: FormatId): Promise<boolean> {
  loading ??= import('../text/judge.ts');
  const { judgeText } = await loading;
  return judgeText(spot, file, format);
}

/** Asking Node for a module again costs as much as judging a small file. */
let loading: Promise<typeof import('../text/judge.ts')> | undefined;
