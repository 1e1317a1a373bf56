import { WeighmarkError } from '../../domain/base/errors.ts';
import { isHex256 } from '../../domain/digest/hex.ts';
import type { Files } from '../../domain/ports/files.ts';
import type { ListedWeights } from '../../domain/weights/list.ts';
import { storeView } from '../content/stores.ts';
import { inspectPath } from './inspect.ts';
import type { WeighPorts } from './weights.ts';

export interface WeightsAskedPorts extends WeighPorts {
  readonly files: Files;
  /** Absolute form of a path the user typed. */
  readonly locate: (path: string) => string;
}

/**
 * The digest that is named, else the `set` root of each set of weights of what lies at the path: BLAKE3, lower-case hex.
 * @throws WeighmarkError `usage`, `not-found` without weights, `scan-incomplete` if any is undecided.
 */
export async function weightsAsked(text: string, ports: WeightsAskedPorts): Promise<readonly string[]> {
  const hex = text.replace(/^blake3:/, '');
  if (isHex256(hex)) return [hex];
  if (text.startsWith('blake3:') || text.startsWith('sha256:'))
    throw new WeighmarkError('usage', `\`${text}\` is no digest of weights`, {
      hint: 'a root or a tensor as `weighmark inspect --weights PATH` prints it: blake3:… (64 hex digits)',
    });
  return (await weighPath(text, ports)).map(({ set }) => set);
}

/** Reads the weights at a path whole. */
async function weighPath(path: string, ports: WeightsAskedPorts): Promise<readonly ListedWeights[]> {
  const { root, files } = await storeView(ports.locate(path), ports.files);
  const options = {
    allowSymlinks: true,
    weigh: ports,
    ...(ports.signal === undefined ? {} : { signal: ports.signal }),
  };
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
