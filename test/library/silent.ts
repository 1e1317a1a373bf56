import assert from 'node:assert/strict';
import { after, mock } from 'node:test';

/** Holds the library to printing nothing while the tests of a file run: to no stream, by no console. */
export function mustBeSilent(): void {
  const printed: string[] = [];
  for (const stream of [process.stdout, process.stderr]) {
    const write = stream.write.bind(stream);
    stream.write = (text: string | Uint8Array, ...rest: never[]): boolean => {
      if (/[\\/]src[\\/]/.test(new Error('who').stack ?? '')) printed.push(String(text));
      return write(text, ...rest);
    };
  }
  const consoles = (['log', 'info', 'warn', 'error'] as const).map((name) => mock.method(console, name));
  after(() => {
    assert.deepEqual(printed, [], 'the library printed');
    for (const { mock: calls } of consoles) assert.equal(calls.callCount(), 0, 'the library spoke to the console');
  });
}
