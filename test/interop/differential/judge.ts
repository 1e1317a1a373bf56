import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Json } from '../../../src/domain/base/json.ts';
import { EXPLAINED, type Explained, type Verifier } from './explained.ts';

export interface Case {
  readonly name: string;
  readonly bundle: Json;
}

/** Writes what another verifier is to judge: the bundles by number, and their names. */
export function writeCases(folder: string, cases: readonly Case[]): void {
  mkdirSync(join(folder, 'bundles'), { recursive: true });
  cases.forEach(({ bundle }, index) => writeFileSync(bundleAt(folder, index), JSON.stringify(bundle)));
  writeFileSync(join(folder, 'cases.json'), JSON.stringify(cases.map(({ name }) => name)));
}

export function bundleAt(folder: string, index: number): string {
  return join(folder, 'bundles', `${index}.sig`);
}

/** Holds our verdicts against theirs (`theirs.json`): what we accept and they refuse is explained, or wrong. */
export async function judge(
  folder: string,
  verifier: string,
  accepts: (index: number) => Promise<boolean>,
): Promise<void> {
  const names = JSON.parse(readFileSync(join(folder, 'cases.json'), 'utf8')) as string[];
  const theirs = JSON.parse(readFileSync(join(folder, 'theirs.json'), 'utf8')) as boolean[];
  const ours: boolean[] = [];
  for (const [index] of names.entries()) ours.push(await accepts(index));
  const wider = names.filter((_name, index) => ours[index] === true && theirs[index] === false);
  const stricter = names.filter((_name, index) => ours[index] === false && theirs[index] === true);
  const alike = ours.filter((verdict, index) => verdict === theirs[index]).length;
  console.log(`${verifier}: ${names.length} cases, ${alike} judged alike, ${stricter.length} refused by us alone`);
  if (process.env['WEIGHMARK_VERBOSE'] !== undefined)
    for (const name of stricter) console.log(`refused by us alone: ${name}`);
  const explained: readonly Explained[] | undefined = EXPLAINED[verifier as Verifier];
  if (explained === undefined) throw new Error(`of ${verifier} nothing is known here`);
  const wrong = [
    ...(ours[0] === true && theirs[0] === true ? [] : ['the bundle as made is refused']),
    ...wider
      .filter((name) => !explained.some(({ cases }) => cases.test(name)))
      .map((name) => `accepted by us alone: ${name}`),
    ...explained
      .filter(({ cases, sometimes }) => sometimes !== true && !wider.some((name) => cases.test(name)))
      .map(({ cases }) => `explained, and not so: ${cases}`),
  ];
  for (const line of wrong) console.log(line);
  process.exitCode = wrong.length > 0 ? 1 : 0;
}
