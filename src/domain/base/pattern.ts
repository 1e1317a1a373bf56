/** What makes a pattern a test of whole texts, in linear time; throws for a pattern it does not understand. */
export type PatternEngine = (pattern: string) => (text: string) => boolean;

let engine: PatternEngine | undefined;

/** For `usePatterns` alone. */
export function setPatternEngine(given: PatternEngine): void {
  engine = given;
}

/** Undefined until `usePatterns`. */
export function patternEngine(): PatternEngine | undefined {
  return engine;
}
