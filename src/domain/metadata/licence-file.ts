import { licenceOfText } from './licence.ts';
import { fact, textOf, type MetadataFile } from './read.ts';
import type { Fact } from './types.ts';

/** `LICENSE`, `COPYING`, terms of use: the licence whose text it is, if its text is known. */
export function readLicenceFile(file: MetadataFile): readonly Fact[] {
  const text = textOf(file);
  const licence = licenceOfText(text);
  const source = { file: file.path, pointer: 'text' };
  const role = fact('role', { path: file.path, role: 'licence' }, { file: file.path });
  return licence === null
    ? [role]
    : [role, fact('licence', { text: licence.text, fromText: true }, source), ...copyrightFacts(text, file.path)];
}

/** The first line `Copyright (c) 2020 Someone` of a licence that is filled in. */
function copyrightFacts(text: string, path: string): readonly Fact[] {
  const lines = text.slice(0, 4096).split(/\r?\n/);
  const index = lines.findIndex(
    (line) =>
      /^\s*(?:copyright\s+(?:\(c\)|©)?|©)\s*\d{4}.{2,200}$/i.test(line) &&
      !/free software foundation|\[yyyy\]|<year>/i.test(line),
  );
  return index < 0
    ? []
    : [fact('copyright', (lines[index] ?? '').trim(), { file: path, pointer: `line ${index + 1}` })];
}
