import { join } from 'node:path';
import { sha256Hex } from '../../../domain/digest/hex.ts';
import { parseStrictJsonObject } from '../../../domain/base/json.ts';
import { LIMITS } from '../../../domain/base/limits.ts';
import { createFiles } from '../../files/index.ts';
import { writeFileAtomic } from '../../files/write.ts';
import type { OciClient } from './client.ts';

const files = createFiles();

interface Which {
  readonly repository: string;
  readonly digest: string;
}

interface Where {
  readonly client: OciClient;
  readonly stateFolder: string;
}

/** Where an unfinished upload goes on, after a kill too: one small file for each. */
export async function rememberSession(which: Which, where: Where, location: URL): Promise<void> {
  await writeFileAtomic(sessionFile(which, where), JSON.stringify({ location: location.href }), { mode: 0o600 });
}

export async function rememberedSession(which: Which, where: Where): Promise<URL | null> {
  const bytes = await files.readIfThere(sessionFile(which, where), LIMITS.configBytes);
  if (bytes === null) return null;
  const { location } = parseStrictJsonObject(bytes, { subject: 'an unfinished upload' });
  return where.client.urlOf(typeof location === 'string' ? location : '');
}

export async function forgetSession(which: Which, where: Where): Promise<void> {
  await files.remove(sessionFile(which, where));
}

function sessionFile({ repository, digest }: Which, { client, stateFolder }: Where): string {
  return join(
    stateFolder,
    'uploads',
    `${sha256Hex(`${client.base.host}\n${repository}\n${digest}`).slice(0, 32)}.json`,
  );
}
