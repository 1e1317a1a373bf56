import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { instrument, type Mutant } from './operators.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Where a wrong line is a wrong yes. */
export const ROOMS = [
  'src/domain/authority',
  'src/domain/policy',
  'src/domain/claims',
  'src/domain/lineage',
  'src/domain/trust',
  'src/domain/tlog',
  'src/domain/registry',
  'src/flows/gate',
  'src/flows/verify',
] as const;

/** All mutants of all rooms, numbered in one order; with a folder, the sources with the switch are written there. */
export function mutantsOf(rooms: readonly string[], folder: string | null): readonly Mutant[] {
  const all: Mutant[] = [];
  for (const room of rooms)
    for (const path of globSync(`${room}/**/*.ts`, { cwd: ROOT }).toSorted()) {
      const { mutants, text } = instrument(path, readFileSync(join(ROOT, path), 'utf8'), all.length);
      for (const mutant of mutants) all.push(mutant);
      if (folder === null) continue;
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, `${path}.js`), text);
    }
  return all;
}

/** A seeded part of them: by the mutant's own words, so that others come and go without changing it. */
export function shareOf(mutants: readonly Mutant[], share: number, seed: number): readonly Mutant[] {
  return mutants.filter((mutant) => hash(`${seed} ${keyOf(mutant)} ${mutant.line}`) < share * 2 ** 32);
}

/** How a list of explained mutants names one: not by its line, which moves. */
export function keyOf({ path, operator, text, instead }: Mutant): string {
  return `${path} | ${operator} | ${text} | ${instead}`;
}

/** FNV-1a. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const char of text) value = Math.imul(value ^ (char.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  return value;
}
