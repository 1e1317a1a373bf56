// Opens each page in a real browser: no violation that axe knows, light and dark, wide and narrow; nothing is fetched,
// nothing runs, nothing is cut off sideways. Usage: node check.mjs PAGE... ; run where axe-core and playwright-core are installed.
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';

const require = createRequire(join(process.cwd(), 'package.json'));
const { chromium } = require('playwright-core');
const axe = require.resolve('axe-core/axe.min.js');

const VIEWS = [
  { colorScheme: 'light', width: 1600 },
  { colorScheme: 'dark', width: 1600 },
  { colorScheme: 'light', width: 360 },
  { colorScheme: 'dark', width: 360 },
];
/** What a browser must lay out, however large the lineage. */
const ELEMENTS = 50_000;

async function problemsOf(browser, path, { colorScheme, width }) {
  // The page's own policy forbids every script: only the check's is let in.
  const context = await browser.newContext({ colorScheme, viewport: { width, height: 900 }, bypassCSP: true });
  const page = await context.newPage();
  const problems = [];
  page.on(
    'request',
    (request) =>
      (request.url().startsWith('file:') && request.isNavigationRequest()) ||
      problems.push(`asks for ${request.url()}`),
  );
  page.on('dialog', (dialog) => (problems.push('opens a dialog'), dialog.dismiss()));
  page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
  const begun = performance.now();
  await page.goto(pathToFileURL(path).href);
  const took = performance.now() - begun;
  const elements = await page.evaluate(() => document.querySelectorAll('*').length);
  if (elements > ELEMENTS) problems.push(`has ${elements} elements`);
  if (
    await page.evaluate(
      () => document.querySelector('script:not(main + script), img, iframe, object, embed, form, link') !== null,
    )
  )
    problems.push('has an element it must not have');
  const sideways = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
  if (sideways > 0) problems.push(`is ${sideways} px too wide`);
  const pictures = process.env.REPORT_SCREENSHOTS;
  if (pictures)
    await page.screenshot({
      path: join(pictures, `${basename(path, '.html')}-${colorScheme}-${width}.png`),
      fullPage: elements < 10_000,
    });
  await page.addScriptTag({ path: axe });
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
  for (const { id, help, nodes } of violations)
    problems.push(
      `axe ${id}: ${help}: ${nodes
        .slice(0, 3)
        .map(({ html }) => html.slice(0, 120))
        .join(' ; ')}`,
    );
  await context.close();
  return { took, problems };
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu'],
});
let failed = false;
for (const path of process.argv.slice(2)) {
  for (const view of VIEWS) {
    const { took, problems } = await problemsOf(browser, path, view);
    failed ||= problems.length > 0;
    console.log(
      `${problems.length === 0 ? 'ok     ' : 'FAILED '} ${basename(path)} ${view.colorScheme} ${view.width} px, open in ${Math.round(took)} ms${problems.map((problem) => `\n        ${problem}`).join('')}`,
    );
  }
}
await browser.close();
process.exitCode = failed ? 1 : 0;
