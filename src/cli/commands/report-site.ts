import { join, resolve } from 'node:path';
import { CODES, WeighmarkError, worstExit, type ExitCode } from '../../domain/base/errors.ts';
import { sha256Hex } from '../../domain/digest/hex.ts';
import type { RegistryReport } from '../../flows/watch/report-registry.ts';
import type { Report as Evidence } from '../../flows/watch/report.ts';
import type { Context } from '../context.ts';
import { registryHtml } from '../views/registry-html.ts';
import { reportHtml } from '../views/report-html.ts';

type Version = RegistryReport['versions'][number];

/** What of a version could not be reported. */
export interface Unreported {
  readonly name: string;
  readonly id: string;
  readonly code: WeighmarkError['code'];
  readonly message: string;
}

export interface Site {
  readonly folder: string;
  readonly pages: number;
  readonly unreported: readonly Unreported[];
  readonly exitCode: ExitCode;
}

/**
 * The overview as `index.html`, a page for each version under `models/`: static files that link each other and nothing else. A
 * version that cannot be read has no page, is told, and makes the exit code.
 */
export async function writeSite(
  context: Context,
  { folder, found }: { readonly folder: string; readonly found: RegistryReport },
  evidenceOf: (version: Version) => Promise<Evidence>,
): Promise<Site> {
  const files = await context.files();
  const target = resolve(context.cwd, folder);
  const written = new Map<Version, string>();
  const unreported: Unreported[] = [];
  const pages = new Map(found.versions.map((version) => [version.id.replace('sha256:', ''), pathOf(version)]));
  const site = { home: '../index.html', pageOf: (digest: string) => pages.get(digest)?.replace('models/', '') ?? null };
  for (const version of found.versions) {
    try {
      const page = reportHtml(await evidenceOf(version), context.version, site);
      const path = pathOf(version);
      await files.write(join(target, path), page);
      written.set(version, path);
    } catch (error) {
      if (!(error instanceof WeighmarkError)) throw error;
      unreported.push({ name: version.name, id: version.id, code: error.code, message: error.message });
    }
  }
  const index = registryHtml(found, context.version, (version) => written.get(version) ?? null);
  await files.write(join(target, 'index.html'), index);
  return {
    folder: target,
    pages: written.size,
    unreported,
    exitCode: unreported.length === 0 ? 0 : worstExit(unreported.map(({ code }) => CODES[code])),
  };
}

/** Names hold `/` and, in other people's registries, anything: the digest of both tells pages apart. */
function pathOf({ name, id }: Version): string {
  const words = name.replaceAll(/[^A-Za-z0-9._-]+/g, '_').slice(0, 60);
  return `models/${words}-${sha256Hex(`${name}@${id}`).slice(0, 16)}.html`;
}
