import { resolve } from 'node:path';
import { weightsAsked as asked } from '../flows/describe/weights-asked.ts';
import type { Context } from './context.ts';
import { weighPorts } from './weigh-ports.ts';

/** What `--weights` names, by digest or path: BLAKE3, lower-case hex. */
export async function weightsAsked(context: Context, text: string): Promise<readonly string[]> {
  const locate = (path: string): string => resolve(context.cwd, path);
  return asked(text, { ...weighPorts(context), files: await context.files(), locate });
}
