import { formatBytes } from '../domain/units.ts';
import { findingOf, refusedCheck, verdictOf, type Evidence, type Verdict } from '../domain/verdict.ts';
import type { VerifyPorts } from './verify-types.ts';

export interface UnsignedQuestion {
  readonly root: string;
  readonly shown: string;
  readonly lookedFor: string;
  readonly allowSymlinks?: boolean;
  readonly ignore?: readonly string[];
}

/** The verdict on something nobody signed: what it is, and that nothing was verified. */
export async function describeUnsigned(question: UnsignedQuestion, ports: VerifyPorts): Promise<Verdict> {
  const { shown, lookedFor } = question;
  const finding = { code: 'nothing-to-verify' as const, message: `nobody signed ${shown} (looked for ${lookedFor})`, hint: `safe to load? \`weighmark scan ${shown}\`` };
  return verdictOf({ subject: shown, checks: [refusedCheck('signature', [finding])], claimed: await contentLine(question, ports) });
}

async function contentLine({ root, allowSymlinks, ignore }: UnsignedQuestion, ports: VerifyPorts): Promise<readonly Evidence[]> {
  try {
    const { entries } = await ports.files.walk(root, { allowSymlinks: allowSymlinks !== false, ignore: ignore ?? [] });
    const bytes = entries.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    return [{ what: `${entries.length} files, ${formatBytes(bytes)}`, data: { files: entries.length, bytes } }];
  } catch (error) {
    return [{ what: `its files cannot be listed: ${findingOf(error).message}` }];
  }
}
