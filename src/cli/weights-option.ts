import { resolve } from 'node:path';
import { WeighmarkError } from '../domain/base/errors.ts';
import { isHex256 } from '../domain/digest/hex.ts';
import type { ListedWeights } from '../domain/weights/list.ts';
import { inspectPath } from '../flows/describe/inspect.ts';
import { storeView } from '../flows/content/stores.ts';
import type { Context } from './context.ts';
import { weighPorts } from './weigh-ports.ts';

/** The digest that is named, else the `set` root of each set of weights of what lies at the path: BLAKE3, lower-case hex. */
export async function weightsAsked(context: Context, text: string): Promise<readonly string[]> {
  const hex = text.replace(/^blake3:/, '');
  if (isHex256(hex)) return [hex];
  if (text.startsWith('blake3:') || text.startsWith('sha256:'))
    throw new WeighmarkError('usage', `\`${text}\` is no digest of weights`, {
      hint: 'a root or a tensor as `weighmark inspect --weights PATH` prints it: blake3:… (64 hex digits)',
    });
  return (await weighPath(context, text)).map(({ set }) => set);
}

/** Reads the weights at a path whole. @throws WeighmarkError `not-found` without weights, `scan-incomplete` if any is undecided. */
async function weighPath(context: Context, path: string): Promise<readonly ListedWeights[]> {
  const { root, files } = await storeView(resolve(context.cwd, path), await context.files());
  const options = { allowSymlinks: true, signal: context.signal, weigh: weighPorts(context) };
  const { weighed = [] } = await inspectPath(root, { files }, options);
  if (weighed.length === 0) throw new WeighmarkError('not-found', `${path} holds no weights`, { subject: path });
  return weighed.map(({ name, identity, undecided }) => {
    if (identity !== null) return identity;
    const why = undecided[0]?.why ?? 'it could not be examined';
    throw new WeighmarkError('scan-incomplete', `${name} of ${path} cannot be examined whole: ${why}`, {
      subject: name,
    });
  });
}
