import { WeighmarkError } from '../../domain/base/errors.ts';
import type { Files } from '../../domain/ports/files.ts';
import type { Signers } from '../../domain/ports/signing.ts';
import { generateKey } from './private-key.ts';
import { keySigner, programSigner, type Timestamper } from './signer.ts';

export interface SignerWorld {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly options: { readonly offline: boolean };
  readonly signal?: AbortSignal;
}

/** All the ways to sign; signing with a key loads no Sigstore package. */
export function createUserSigners(files: Files, world: SignerWorld): Signers {
  return {
    key: async (options) =>
      keySigner(files, options, options.tsa === undefined ? undefined : await timestamper(options.tsa, world)),
    command: async (options) =>
      programSigner(files, options, {
        world,
        timestamp: options.tsa === undefined ? undefined : await timestamper(options.tsa, world),
      }),
    keyless: async (options) => {
      refuseOffline(world, 'keyless signing');
      return (await import('../sigstore/signer.ts')).keylessSigner(files, options, world.env);
    },
    generate: async (password) => Promise.resolve(generateKey(password)),
  };
}

async function timestamper(url: string, world: SignerWorld): Promise<Timestamper> {
  refuseOffline(world, 'a timestamp');
  const [{ createTimestamper }, { exchange }] = await Promise.all([
    import('../sigstore/timestamp.ts'),
    import('../sigstore/http.ts'),
  ]);
  return createTimestamper(url, exchange);
}

function refuseOffline(world: SignerWorld, what: string): void {
  if (world.options.offline) throw new WeighmarkError('usage', `${what} needs the network, and --offline forbids it`);
}
