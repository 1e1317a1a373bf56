import { RE2JS } from '@bufbuild/re2';
import { setPatternEngine } from './pattern.ts';

/** From now on identity patterns can be compiled. Loaded only where there is one: RE2 takes 10 ms of every command. */
export function usePatterns(): void {
  setPatternEngine((pattern) => {
    const compiled = RE2JS.compile(pattern);
    return (text) => compiled.testExact(text);
  });
}
