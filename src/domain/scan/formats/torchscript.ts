import type { ZipMember } from '../containers/zip.ts';
import { inside, report, type Spot } from '../session.ts';
import { readText } from '../text/read.ts';

/**
 * TorchScript is compiled by the JIT, not run as Python: it can do what its operators can. These reach files, other
 * libraries or Python.
 */
const ACTING =
  /\b(torch|aten|ops\.aten)\.(from_file|save|load|_save_for|fromfile|to_file)\b|\bops\.(?!aten\b|prim\b|prims\b|quantized\b|torchvision\b|torchaudio\b|sparse\b|mkldnn\w*\b|static_runtime\b|_quantized\b|profiler\b|rnn\b|c10\w*\b|torchtext\b|image\b|quantized_decomposed\b)(\w+)\.(\w+)|__torch__\.torch\.classes\.(?!quantized|sparse|xnnpack|rnn|mkldnn\w*|torchaudio|torchtext)(\w+)\.(\w+)|\bprim\.PythonOp\b|\b(?:os|subprocess|socket|sys|builtins)\.\w+\s*\(|\b(?:__import__|eval|exec|compile)\s*\(/g;

export async function judgeTorchScript(spot: Spot, members: readonly ZipMember[]): Promise<void> {
  for (const member of members) {
    if (!/(^|\/)code\/.*\.py$/.test(member.name)) continue;
    const text = await readText(member.source);
    for (const [match] of (text ?? '').matchAll(ACTING)) {
      const file = /from_file|save|load|fromfile|to_file|PythonOp|^(os|subprocess|socket|sys|builtins)\.|\(/.test(
        match,
      );
      report(inside(spot, member.name), 'WM-TORCH-001', `the code uses ${match}`, {
        severity: file ? 'high' : 'medium',
      });
    }
  }
}
