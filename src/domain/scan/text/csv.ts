import type { Source } from '../../base/source.ts';
import { report, type Spot } from '../session.ts';

const CHUNK = 1 << 20;
/** A cell's start: a formula only if something is called, referred to or executed; `-1`, `+49 30 …` and `=` alone are data. */
const FORMULA = /(?:^|[,;\t\n\r])"?\s?([=+\-@](?:[^,;\t\n\r"]|""){1,400})/g;
const COMMAND =
  /\b(?:cmd|powershell|mshta|rundll32|regsvr32|DDE|DDEAUTO|MSEXCEL|WEBSERVICE|IMPORTXML|IMPORTDATA|IMPORTFEED|IMPORTHTML|IMPORTRANGE|HYPERLINK|FILTERXML|RTD|CALL|REGISTER|EXEC|IMAGE)\b\s*[|(!]|\|'?\s*\/[ckC]|!\w+\d/i;
const CALL = /^[=+\-@]\s*@?[A-Z][A-Z0-9.]{1,30}\s*\(|^=\s*[A-Z]{1,3}\d{1,7}\b|^[=+@-].*\|.*!/i;

/** Cells a spreadsheet would run, in text tables of any size. */
export async function judgeTable(spot: Spot, source: Source): Promise<void> {
  let rest = '';
  for (let at = 0; at < source.size; at += CHUNK) {
    const text = rest + Buffer.from(await source.read(at, CHUNK)).toString('utf8');
    for (const match of text.matchAll(FORMULA))
      judgeCell(spot, (match[1] ?? '').replaceAll('""', '"'), at - rest.length + (match.index ?? 0));
    rest = text.slice(-500);
  }
}

function judgeCell(spot: Spot, cell: string, offset: number): void {
  if (COMMAND.test(cell))
    report(spot, 'WM-DATA-001', `a cell runs a command or fetches: ${cell.slice(0, 80)}`, { severity: 'high', offset });
  else if (CALL.test(cell))
    report(spot, 'WM-DATA-001', `a cell is a formula: ${cell.slice(0, 80)}`, { severity: 'medium', offset });
}
