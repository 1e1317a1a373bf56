import { RECORD_BYTES } from '../../domain/records/problem.ts';
import type { IndexJob, RecordFile } from '../../domain/ports/records.ts';
import { openFile, sameStamp } from '../files/open.ts';
import { tooLong } from './batches.ts';
import { refusal } from './refusal.ts';
import { changed } from './source.ts';
import type { FoundLines, LineReader } from './wasm-kernel.ts';

const CHUNK = 1 << 20;
const NEWLINE = 0x0a;

/** A file's records in their order, a stretch at a time: the hashes of lines that the kernel reads. */
export async function* linesOf(
  file: RecordFile,
  job: IndexJob,
  tools: { readonly reader: LineReader; readonly onBytes: (bytes: number) => void },
): AsyncGenerator<FoundLines> {
  const opened = await openFile(file.location, { followLink: true });
  if (!sameStamp(opened.stamp, file.stamp)) throw changed(file.path);
  const start = file.slice?.start ?? 0;
  const end = Math.min(opened.size, file.slice?.end ?? opened.size);
  let [base, rest]: [number, readonly Uint8Array[]] = [start, []];
  for (let at = start, last = false; !last;) {
    const more = await opened.read(at, Math.min(end - at, CHUNK));
    at += more.length;
    last = at >= end;
    const whole = last ? more.length : more.lastIndexOf(NEWLINE) + 1;
    tools.onBytes(more.length);
    if (whole === 0 && !last) rest = [...rest, more];
    else {
      const first = more.indexOf(NEWLINE);
      if (at - more.length - base + (first < 0 ? whole : first + 1) > RECORD_BYTES) throw tooLong(file, base);
      const found = tools.reader.read([...rest, more.subarray(0, whole)], base);
      if (found === null) throw await refusal(file, base, job);
      base = at - more.length + whole;
      rest = whole === more.length ? [] : [more.subarray(whole)];
      if (found.hashes.length > 0) yield found;
    }
    if (at - base > RECORD_BYTES) throw tooLong(file, base);
  }
  await opened.close();
}
