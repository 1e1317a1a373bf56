import type { NamedSource } from '../../formats/types.ts';
import type { Source } from '../../base/source.ts';
import { leaveOut, report, type Spot } from '../session.ts';
import { isKerasConfig, judgeKeras } from './keras.ts';

const CHUNK = 4 << 20;
/** A configuration may begin in one chunk and end in the next. */
const OVERLAP = 64;
const CONFIG = 32 << 20;
/** Bytes read in search of configurations' ends, all together: a file can be made of beginnings. */
const SEARCHED = 256 << 20;
const STARTS = ['{"class_name"', '{"module"', '{"name": "', '{"backend"'];

/**
 * Finds Keras configurations in a file's bytes, wherever its structure puts them (attributes, heaps, metadata of a
 * SavedModel): JSON text is contiguous in all of them. Reads the file once.
 */
export async function judgeHdf5Text(spot: Spot, source: Source): Promise<void> {
  const budget = { bytes: SEARCHED };
  for (let base = 0, until = 0; base < source.size; base += CHUNK) {
    const bytes = Buffer.from(await source.read(base, CHUNK + OVERLAP));
    for (const at of startsIn(bytes)) {
      if (base + at < until) continue;
      if (budget.bytes <= 0) return leaveOut(spot, 'more beginnings of configurations than are followed', base + at);
      until = base + at + (await judgeAt(spot, source, { offset: base + at, budget }));
    }
  }
}

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

/** Attributes of a TensorFlow graph that send what it prints or debugs elsewhere. */
const GRAPH_OUTPUT =
  /(output_stream|debug_urls)[^\x20-\x7e]{1,8}(?:[\x20-\x7e]?[^\x20-\x7e]){0,8}[^a-z]?((?:file|grpc):\/\/[\x21-\x7e]{1,200})/;

export async function judgeGraphText(spot: Spot, source: Source): Promise<void> {
  for (let at = 0; at < source.size; at += CHUNK) {
    const match = GRAPH_OUTPUT.exec(Buffer.from(await source.read(at, CHUNK + 512)).toString('latin1'));
    if (match !== null)
      return report(spot, 'WM-TF-001', `the graph writes to ${match[2] ?? ''}`, { offset: at + match.index });
  }
}

/** Chat templates in a GGUF file that its reader could not follow to the end, by their key. */
export async function judgeTemplateText(spot: Spot, source: Source): Promise<void> {
  const { judgeTemplate } = await import('../text/template.ts');
  const head = Buffer.from(await source.read(0, 32 << 20));
  const key = 'tokenizer.chat_template';
  for (let at = head.indexOf(key), seen = 0; at >= 0 && seen < 100; at = head.indexOf(key, at + 1), seen++) {
    const [text = ''] =
      /[\t\n\r\x20-\x7e\x80-\xff]{8,}/.exec(head.toString('latin1', at + key.length, at + key.length + (1 << 16))) ??
      [];
    if (text.includes('{')) judgeTemplate(spot, key, text);
  }
}

function startsIn(bytes: Buffer): number[] {
  const found = new Set<number>();
  for (const start of STARTS) {
    for (let at = bytes.indexOf(start); at >= 0 && at < CHUNK && found.size < 10_000; at = bytes.indexOf(start, at + 1))
      found.add(at);
  }
  return [...found].sort((a, b) => a - b);
}

/** Bytes the JSON value takes; 1 if it is none. */
async function judgeAt(
  spot: Spot,
  source: Source,
  { offset, budget }: { offset: number; budget: { bytes: number } },
): Promise<number> {
  for (let size = 1 << 16; ; size *= 8) {
    const bytes = Buffer.from(await source.read(offset, Math.min(size, CONFIG)));
    const length = objectLength(bytes);
    budget.bytes -= length ?? bytes.length;
    if (length === null && bytes.length === Math.min(size, CONFIG) && size < CONFIG) continue;
    if (length === null) return 1;
    judgeText(spot, bytes.toString('utf8', 0, length), offset);
    return length;
  }
}

function judgeText(spot: Spot, text: string, offset: number): void {
  try {
    const value: unknown = JSON.parse(text);
    if (isKerasConfig(value) || text.includes('"class_name"')) judgeKeras(spot, value);
  } catch {
    if (/"class_name": ?"(Lambda|__lambda__)"/.test(text))
      report(spot, 'WM-KERAS-001', 'a Lambda layer in a configuration that is not valid JSON', { offset });
  }
}

/** Length of the JSON object at the start, by its brackets; null if it does not end here. */
function objectLength(bytes: Buffer): number | null {
  let [depth, quoted] = [0, false];
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (quoted) {
      if (byte === 0x5c) at++;
      else if (byte === 0x22) quoted = false;
    } else if (byte === 0x22) quoted = true;
    else if (byte === 0x7b) depth++;
    else if (byte === 0x7d && --depth === 0) return at + 1;
    else if (byte === 0) return null;
  }
  return null;
}
