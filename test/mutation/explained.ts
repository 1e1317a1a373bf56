/**
 * Mutants that no test can tell from the original, or need not, each with the reason: by `keyOf`. What no source holds any
 * more, or a test notices after all, fails.
 */
export const EXPLAINED: Readonly<Record<string, string>> = {};
