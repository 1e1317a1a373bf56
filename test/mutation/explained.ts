/**
 * Mutants that no test can tell from the original, or need not, each with the reason: by `keyOf`. What no source holds any
 * more, or a test notices after all, fails.
 */
export const EXPLAINED: Readonly<Record<string, string>> = {
  'src/domain/authority/time.ts | swap | a < b | (a) <= (b)':
    'the names of an object are different ones: equal they never are',
  'src/domain/authority/time.ts | swap | time > (newest.get(anchor) ?? 0) | (time) >= (newest.get(anchor) ?? 0)':
    'the same time set twice is the same time',
};
