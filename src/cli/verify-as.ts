import { resolve } from 'node:path';
import { WeighmarkError } from '../domain/base/errors.ts';
import { parseAsked } from '../domain/registry/reference.ts';
import { ATTACHMENTS } from '../domain/registry/referrer.ts';
import { findSidecars } from '../flows/content/sidecars.ts';
import { storeView } from '../flows/content/stores.ts';
import { artifactIn } from '../flows/registry/known.ts';
import { verifyWeights, type WeightsOutcome, type WeightsQuestion } from '../flows/verify/weights.ts';
import type { Context } from './context.ts';
import { asksPolicy } from './gate-verdict.ts';
import { openArtifact } from './registry-options.ts';
import { verifyPorts, type VerifyOptions } from './verification.ts';

interface AsOptions extends VerifyOptions {
  readonly as: string;
  readonly to?: string;
}

/** `verify COPY --as REF`: one verdict about weights for each copy. @throws WeighmarkError `usage` beside what judges files. */
export async function verifyAs(
  context: Context,
  paths: readonly string[],
  options: AsOptions,
): Promise<readonly (WeightsOutcome & { readonly promise: string })[]> {
  refuseBeside(options);
  const signed = await signedWith(context, options);
  const outcomes = [];
  for (const shown of paths) {
    if (parseAsked(shown).kind !== 'path')
      throw new WeighmarkError('usage', `--as is about a copy on this machine, and \`${shown}\` is none`);
    const { root, files } = await storeView(resolve(context.cwd, shown), await context.files());
    const ports = { ...(await verifyPorts(context, { inside: [root], loaded: undefined }, options)), files };
    const { jobs } = context.options;
    const question: WeightsQuestion = {
      ...signed,
      root,
      shown,
      as: options.as,
      allowSymlinks: options.allowSymlinks === true,
      ...(jobs === undefined ? {} : { jobs }),
    };
    const outcome = await verifyWeights(question, ports);
    outcomes.push({ ...outcome, promise: promiseOf(outcome, options.as) });
  }
  return outcomes;
}

function promiseOf({ by, weights }: WeightsOutcome, as: string): string {
  return `holds the weights that ${by ?? 'somebody'} signed as ${weights.as?.name === '' ? as : (weights.as?.name ?? as)}`;
}

/** Security rule 10: a policy judges whole artifacts, and nothing here says what the files are. */
function refuseBeside(options: AsOptions): void {
  const { only, to, signature, claims, ignore, ignoreUnsignedFiles, algorithm } = options;
  const given = Object.entries({ only, to, signature, claims, ignore, ignoreUnsignedFiles, algorithm });
  const names = given.flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name.replaceAll(/[A-Z]/g, (capital) => `-${capital.toLowerCase()}`)}`],
  );
  if (asksPolicy(options)) names.push('--env or --policy');
  if (names.length > 0)
    throw new WeighmarkError('usage', `--as is about weights alone: it does not go with ${names.join(', ')}`);
}

/** What lies with the artifact: beside it on disk, or in a registry. */
async function signedWith(
  context: Context,
  { as, ...options }: AsOptions,
): Promise<Pick<WeightsQuestion, 'claims' | 'lists' | 'ids'>> {
  const reference = parseAsked(as);
  if (reference.kind !== 'path') {
    const { registry, place } = await openArtifact(context, as, options);
    const id = await registry.resolve(place.name, place.reference);
    return {
      claims: await registry.claims(place.name, id),
      lists: await registry.attachments(place.name, id, ATTACHMENTS.weights),
      ids: [id, ...((await artifactIn(registry, place.name, id))?.ids ?? [])],
    };
  }
  const { root, files } = await storeView(resolve(context.cwd, reference.path), await context.files());
  const kind = await files.kindOf(root);
  if (kind !== 'file' && kind !== 'directory')
    throw new WeighmarkError('not-found', `${as}: there is no such file or folder`, { subject: as });
  const { claims, weights } = await findSidecars({ root, kind }, files);
  return { claims: claims.map(({ bytes }) => bytes), lists: weights === null ? [] : [weights], ids: null };
}
