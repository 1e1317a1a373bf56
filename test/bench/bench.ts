/**
 * Measures whole processes against the tools people use, in interleaved runs, and prints a table of medians with ratios.
 *
 *   npm run bench -- [--rounds 5] [--scale 1] [--only hash,verify] [--folder DIR]
 *
 * Then the growth of the work with many small files, at three sizes (`--only growth`).
 *
 * `--scale 0.1` makes everything a tenth as large. Data stays in the folder (default: weighmark-bench in the temporary
 * folder) and is used again; weighmark is built there as users install it. Tools that are not installed are left out and
 * named; `--only records` needs a Python with what `requirements.txt` names for the peers, and `npm run build:records`.
 */
import { cpus, release, totalmem, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { casesOf, type Case } from './cases.ts';
import { prepareData } from './data.ts';
import { printGrowth } from './growth.ts';
import { measure, type Measured } from './measure.ts';
import { prepareRows, rowCases } from './records.ts';
import { findTools } from './tools.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    scale: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
    folder: { type: 'string', default: join(tmpdir(), 'weighmark-bench') },
  },
});

const tools = findTools(values.folder);
console.log(
  `machine   ${cpus()[0]?.model ?? 'unknown'}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}, Node ${process.version}`,
);
console.log(
  `date      ${new Date().toISOString().slice(0, 10)}, medians of ${values.rounds} interleaved runs of whole processes, weighmark as packed, scale ${values.scale}`,
);
if (tools.missing.length > 0) console.log(`not here  ${tools.missing.join(', ')}`);
console.log(
  '\n| work | tool | median s | GB/s | ratio to | ratio | CPU s | CPU ratio | RSS MB | read/size |\n|---|---|---|---|---|---|---|---|---|---|',
);

const isWanted = (name: string): boolean =>
  values.only === '' || values.only.split(',').some((word) => name.includes(word));
const [folder, scale] = [values.folder, Number(values.scale)];
const onlyRows = values.only === 'records';
const data = onlyRows ? null : prepareData(folder, scale, tools);
for (const each of [
  ...(data === null ? [] : casesOf(data, tools)),
  ...(isWanted('records') ? rowCases(prepareRows(folder, scale, tools), tools) : []),
]) {
  if (isWanted(each.name)) print(each, measure(each, each.rounds ?? Number(values.rounds)));
}

const asked = { rounds: Number(values.rounds), scale: Number(values.scale), only: values.only };
if (data !== null) printGrowth(values.folder, asked, tools, data);

function print(work: Case, measured: readonly Measured[]): void {
  const baseline = measured[0];
  for (const each of measured) {
    const rate = each.bytes === 0 ? '' : (each.bytes / each.medianSeconds / 1e9).toFixed(2);
    const isFirst = each === baseline || baseline === undefined;
    const [ratio, cpuRatio] = [each.ratio, each.cpuRatio].map((number) => (isFirst ? '' : `${number.toFixed(2)}×`));
    const read = work.cold === true ? (each.readBytes / work.bytes).toFixed(2) : '';
    console.log(
      `| ${work.name} | ${each.label} | ${each.medianSeconds.toFixed(3)} | ${rate} | ${each === baseline ? '' : (baseline?.label ?? '')} | ${ratio} | ${each.cpuSeconds.toFixed(2)} | ${cpuRatio} | ${each.rssMb.toFixed(0)} | ${read} |`,
    );
  }
}
