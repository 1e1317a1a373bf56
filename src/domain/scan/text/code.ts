import { leaveOut, report, type Spot } from '../session.ts';

/** Code that decodes and runs what it hides, or gives control away: no loading script does this. */
const HOSTILE: readonly (readonly [what: string, pattern: RegExp])[] = [
  [
    'executes decoded text',
    /\b(exec|eval|compile)\s*\(\s*(?:\w+\.)*(b64decode|a85decode|b85decode|unhexlify|decompress|fromhex|loads|decode|urlopen|get)\b/,
  ],
  [
    'executes decoded text',
    /\b(exec|eval)\s*\([^)\n]{0,120}\b(b64decode|unhexlify|zlib\.decompress|marshal\.loads|codecs\.decode|bytes\.fromhex|urlopen|requests\.get)\b/,
  ],
  [
    'executes what it downloads',
    /\b(?:urlopen|urlretrieve|requests\.get|httpx\.get)\s*\([^\n]{0,300}\n?[^\n]{0,300}\b(?:exec|eval)\s*\(/,
  ],
  ['runs marshalled code', /\bmarshal\.loads\s*\(/],
  [
    'opens a reverse shell',
    /\bsocket\.socket\b[\s\S]{0,600}\b(dup2|subprocess|pty\.spawn|os\.system)\b|\/dev\/tcp\/|\bnc\s+-\w*e\b/,
  ],
  ['pipes a download into a shell', /\b(curl|wget)\b[^\n|]{0,300}\|\s*(sudo\s+)?(ba|z|da)?sh\b/],
  [
    'runs an encoded command',
    /\bpowershell(\.exe)?\b[^\n]{0,100}\s-e(nc|ncodedcommand|c)?\s+[A-Za-z0-9+/=]{8,}|\bIEX\s*\(|Invoke-Expression/i,
  ],
  ["deletes its user's files", /\brm\s+-\w*[rR]\w*\s+(?:-\w+\s+)*(?:~|\$HOME|\/)(?=["'\s;*&|)]|$)/m],
  ['takes attributes of a module it imports by call', /\bgetattr\s*\(\s*(__import__|importlib\.import_module)\s*\(/],
  ['imports by computed name', /__import__\s*\(\s*['"]\w*['"]\s*[+%]/],
  ['imports by computed name', /__import__\s*\(\s*(?!['"]\w+['"]\s*\))[^)\n]{0,60}(chr|join|\[::-1\]|b64|decode)/],
];
/** What builds or starts something runs its lines in a shell: only what no build needs counts. */
const BUILDS: ReadonlySet<string> = new Set([
  'opens a reverse shell',
  'pipes a download into a shell',
  'runs an encoded command',
  "deletes its user's files",
]);

export function judgeBuildFile(spot: Spot, name: string, whole: string): void {
  const settings = /\.(?:toml|cfg|ini)$/i.test(name);
  const text = whole.slice(0, CODE);
  for (const [does, pattern] of HOSTILE) {
    const match = BUILDS.has(does) ? pattern.exec(text) : null;
    if (match !== null)
      report(spot, 'WM-CODE-002', `a line of it ${does}`, {
        offset: Buffer.byteLength(text.slice(0, match.index)),
        severity: settings ? 'medium' : 'high',
      });
  }
}

/** A shell's words: for review in any script. */
const SYSTEM =
  /\b(os\.(system|popen|exec\w*|spawn\w*)|subprocess\.\w+|pty\.spawn|ctypes\.(CDLL|windll|cdll)|socket\.(socket|create_connection))\s*\(/;

const CODE = 4 << 20;

let loading: Promise<typeof import('./python.ts')> | undefined;

/** Python by its syntax tree, other scripts and what a notebook gives to a shell by their lines. */
export async function judgeCode(spot: Spot, whole: string, what: 'python' | 'script' | 'notebook'): Promise<void> {
  if (whole.length > CODE) leaveOut(spot, `code beyond ${CODE} characters`);
  const text = whole.slice(0, CODE);
  const python = what !== 'script' || /^#![^\n]*python|^(?:import|from)\s+\w/m.test(text.slice(0, 4096));
  if (python) {
    loading ??= import('./python.ts');
    const { judgePython } = await loading;
    judgePython(spot, what === 'notebook' ? text.replace(/^[ \t]*[!%].*$/gm, '') : text, what);
  }
  if (what === 'python') return;
  for (const [name, pattern] of HOSTILE) {
    const match = !python || BUILDS.has(name) ? pattern.exec(text) : null;
    if (match !== null)
      report(spot, 'WM-CODE-002', `the ${what} code ${name}`, {
        offset: Buffer.byteLength(text.slice(0, match.index)),
      });
  }
  if (python) return;
  const system = SYSTEM.exec(text);
  if (system === null) return report(spot, 'WM-CODE-001', `a ${what} file`, { severity: 'low' });
  report(spot, 'WM-CODE-001', `the code uses ${system[1] ?? system[0]}`, {
    offset: Buffer.byteLength(text.slice(0, system.index)),
    severity: 'medium',
  });
}
