/**
 * Runs all tests, on every core (`node --test` leaves one out), and says on standard error how far it is. What is given
 * are files to run instead of all, or `--thorough`: those that `thorough.ts` makes longer. Standard output is what `node --test --test-reporter=spec` prints.
 */
import { globSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { relative, resolve } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { installPacked } from './packed.ts';

const all = globSync('test/**/*.test.ts').toSorted();
const asked = process.argv.slice(2);
const isThorough = asked[0] === '--thorough';
if (isThorough) process.env['WEIGHMARK_THOROUGH'] = '1';
const longer = (file: string) => readFileSync(file, 'utf8').includes('/thorough.ts');
const files = isThorough ? all.filter(longer) : asked.length > 0 ? asked : all;
const left = new Set(files.map((file) => relative('.', file)));

/** On a terminal one line that is written over, elsewhere a line for each tenth. */
function tellProgress(file: string, failed: boolean): void {
  const done = files.length - left.size;
  const line = `${done} of ${files.length} test files: ${file}${failed ? ' FAILED' : ''}`;
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${line}${left.size === 0 ? '\n' : ''}`);
  else if (
    failed ||
    left.size === 0 ||
    Math.floor((10 * done) / files.length) > Math.floor((10 * (done - 1)) / files.length)
  )
    process.stderr.write(`${line}\n`);
}

function ended(file: string, failed: boolean): void {
  if (left.delete(relative('.', file))) tellProgress(relative('.', file), failed);
}

/** What most files start, some a hundred times, is built once and compiled once: `program.ts`. */
function prepareProgram(): void {
  const folder = resolve('node_modules/.cache/weighmark-test');
  process.env['NODE_COMPILE_CACHE'] = resolve(folder, 'compile');
  process.env['WEIGHMARK_TEST_PROGRAM'] = installPacked(resolve(folder, 'packed'));
}

if (isThorough || asked.length === 0) prepareProgram();
const tests = run({
  files,
  concurrency: availableParallelism(),
  execArgv: ['--import', './test/own-temporary-folder.ts'],
});
tests.on('test:summary', ({ file, success }) => {
  if (file === undefined) process.exitCode = success ? 0 : 1;
  else ended(file, !success);
});
// A file that cannot even be run is a test of its own name.
tests.on('test:fail', ({ name, nesting }) => nesting === 0 && ended(name, true));
tests.compose(new spec()).pipe(process.stdout);
