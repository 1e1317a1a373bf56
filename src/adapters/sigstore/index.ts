import type { Files } from '../../domain/ports/files.ts';
import type { KeylessVerifier } from '../../domain/trust/keyless-verifier.ts';
import { configFolder, type Env } from '../config/folders.ts';
import { publicGoodRoot } from './public-good.ts';
import { createKeylessVerifier } from './verifier.ts';

/** Verifies offline, by the public-good root the user has (built in, or refreshed) and any root they name. */
export function createUserVerifier(files: Files, env: Env): KeylessVerifier {
  return createKeylessVerifier(async () => publicGoodRoot(files, configFolder(env)));
}
