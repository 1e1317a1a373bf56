import type { NamedSource } from '../../formats/types.ts';
import { report, type Spot } from '../session.ts';

const CHUNK = 4 << 20;
const OVERLAP = 64;

/** Formats without a reader here whose names promise what must not be in them. */
const BY_NAME: readonly {
  readonly name: RegExp;
  readonly text: RegExp;
  readonly rule: string;
  readonly says: string;
}[] = [
  { name: /(\.pdmodel|(^|\/)__model__)$/i, text: /\bpy_func\b/, rule: 'WM-TF-001', says: 'the program runs Python' },
  {
    name: /\.(t7|th|net)$/i,
    text: /\b(os\.execute|io\.popen|package\.loadlib|loadstring)\b/,
    rule: 'WM-CODE-002',
    says: 'the Lua code in it runs commands or other code',
  },
];

/** Whether what a file is called says what to search it for. */
export function isJudgedByName(path: string): boolean {
  return BY_NAME.some(({ name }) => name.test(path));
}

/** Searches files that no reader knows for what their kind could be abused with. */
export async function judgeByName(spot: Spot, { path, source }: NamedSource): Promise<void> {
  const kind = BY_NAME.find(({ name }) => name.test(path));
  if (kind === undefined) return;
  for (let at = 0; at < source.size; at += CHUNK) {
    const match = kind.text.exec(Buffer.from(await source.read(at, CHUNK + OVERLAP)).toString('latin1'));
    if (match !== null)
      return report(spot, kind.rule, `${kind.says}: ${match[0]}`, { offset: at + match.index, severity: 'high' });
  }
}
