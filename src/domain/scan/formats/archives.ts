import type { ZipContent } from '../containers/zip.ts';
import { report, type Spot } from '../session.ts';
import { judgeSkops } from './skops.ts';
import { judgeTorchScript } from './torchscript.ts';

/** Judges what a zip file is for, by its members: torch.package, TorchScript, Keras, skops, NumPy archives. */
export async function judgeArchiveKind(spot: Spot, content: ZipContent): Promise<void> {
  const names = content.members.map(({ name }) => name);
  const has = (pattern: RegExp): boolean => names.some((name) => pattern.test(name));
  if (has(/(^|\/)\.data\/(extern_modules|python_version|version)$/)) judgeTorchPackage(spot, names);
  if (content.torchScript) await judgeTorchScript(spot, content.members);
  if (has(/^schema\.json$/)) await judgeSkops(spot, content);
  if (has(/^__main__\.py$/))
    report(spot, 'WM-CODE-001', 'a Python zip application: it runs when it is given to Python', { severity: 'medium' });
  if (has(/^META-INF\/MANIFEST\.MF$/i) && has(/\.class$/)) report(spot, 'WM-FILE-004', 'a Java program');
}

function judgeTorchPackage(spot: Spot, names: readonly string[]): void {
  const modules = names.filter((name) => name.endsWith('.py'));
  if (modules.length === 0) return;
  report(
    spot,
    'WM-TORCH-002',
    `a torch.package with ${modules.length} Python modules, ${modules.slice(0, 3).join(', ')}`,
    { severity: 'high' },
  );
}
