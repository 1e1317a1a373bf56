import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { WeighmarkError } from '../domain/base/errors.ts';

/** Standard input to its end. @throws WeighmarkError `limit-exceeded`. */
export async function readStandardInput(maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of process.stdin as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > maxBytes) throw new WeighmarkError('limit-exceeded', `standard input is larger than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Asks a person; null where there is no terminal, so that scripts never hang. A secret is not echoed. */
export async function askOnTerminal(question: string, options: { secret?: boolean } = {}): Promise<string | null> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return null;
  return options.secret === true ? askSecret(question) : answerTo(question, process.stderr);
}

async function askSecret(question: string): Promise<string> {
  process.stderr.write(question);
  try {
    return await answerTo('', new Writable({ write: (_chunk, _encoding, done) => done() }));
  } finally {
    process.stderr.write('\n');
  }
}

/** The question is the prompt: readline clears the line that it asks on, with whatever stood there. */
async function answerTo(question: string, output: NodeJS.WritableStream): Promise<string> {
  const lines = createInterface({ input: process.stdin, output, terminal: true });
  try {
    return await lines.question(question);
  } finally {
    lines.close();
  }
}
