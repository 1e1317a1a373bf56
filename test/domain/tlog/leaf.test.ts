import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatLeaf, parseLeaf, type LogLeaf } from '../../../src/domain/tlog/leaf.ts';

const digest = (index: number): string => `sha256:${index.toString(16).padStart(64, '0')}`;

test('a leaf is read only from its one canonical form, plain texts or not', () => {
  const text = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('prod', 'a"b', 'a\\b', 'ä', '~', ' ', '\u007f'));
  const leaf = fc.record({
    name: text,
    env: fc.option(text, { nil: undefined }),
    kind: fc.constantFrom('push', 'claim', 'promotion', 'revocation'),
  });
  fc.assert(
    fc.property(leaf, fc.nat(), fc.nat({ max: 255 }), ({ name, env, kind }, place, byte) => {
      const wanted = {
        v: 1 as const,
        manifest: digest(1),
        bundle: digest(2),
        name,
        kind,
        ...(env === undefined ? {} : { env }),
      };
      const bytes = formatLeaf(wanted);
      if (name.isWellFormed() && (env ?? '').isWellFormed()) assert.deepEqual(parseLeaf(bytes), wanted);
      const bent = Uint8Array.from(bytes);
      bent[place % bent.length] = byte;
      let read: LogLeaf;
      try {
        read = parseLeaf(bent);
      } catch {
        return;
      }
      assert.deepEqual(Buffer.from(formatLeaf(read)), Buffer.from(bent), 'what is read is written as it stood');
    }),
    { numRuns: 500 },
  );
});
