// The drawn lineage in a real browser, under the page's own policy: it is moved, zoomed and folded by mouse, wheel, fingers,
// keys and buttons. Usage: node graph.mjs PAGE... ; run where playwright-core is installed.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';

const require = createRequire(join(process.cwd(), 'package.json'));
const { chromium } = require('playwright-core');

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu'],
});

const viewOf = async (page) => {
  const [x, y, width, height] = (await page.locator('#drawing svg').getAttribute('viewBox')).split(' ').map(Number);
  return { x, y, width, height };
};
const shownBoxes = (page) => page.locator('#drawing [data-box]:not([display])').count();

/** @returns what was seen, for the log. */
async function drive(path, width) {
  const context = await browser.newContext({ viewport: { width, height: 900 }, hasTouch: true });
  const page = await context.newPage();
  const errors = [];
  page.on('pageerror', ({ message }) => errors.push(message));
  page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
  await page.goto(pathToFileURL(path).href);
  const svg = page.locator('#drawing svg');
  const [region, all] = [page.locator('#drawing .scroll'), await page.locator('#drawing [data-box]').count()];
  await svg.scrollIntoViewIfNeeded();
  const begun = await shownBoxes(page);
  assert.ok(
    begun >= Math.min(all, 2) && begun <= Math.max(40, all < 60 ? all : 0),
    `${begun} of ${all} boxes at first`,
  );

  const { x, y, width: wide, height: high } = await svg.boundingBox();
  const [left, top] = [x + wide / 2, y + high - 6];
  let before = await viewOf(page);
  await page.mouse.move(left, top);
  await page.mouse.down();
  await page.mouse.move(left - 80, top - 30, { steps: 4 });
  await page.mouse.up();
  let after = await viewOf(page);
  assert.ok(after.x > before.x && after.y > before.y && after.width === before.width, 'dragged');

  before = after;
  const scrolled = await page.evaluate(() => scrollY);
  await page.keyboard.down('Control');
  await page.mouse.wheel(0, -120);
  await page.keyboard.up('Control');
  await page.waitForFunction(
    (wide) => +document.querySelector('#drawing svg').getAttribute('viewBox').split(' ')[2] !== wide,
    before.width,
  );
  after = await viewOf(page);
  assert.ok(after.width < before.width, 'Ctrl and wheel zoom');
  assert.equal(await page.evaluate(() => scrollY), scrolled, 'and the page stays');

  await page.getByRole('button', { name: 'Zoom out' }).click();
  assert.ok((await viewOf(page)).width > after.width, 'a button zooms out');
  await page.getByRole('button', { name: 'Whole' }).click();
  const whole = await viewOf(page);
  await region.focus();
  await page.keyboard.press('ArrowRight');
  assert.ok((await viewOf(page)).x > whole.x, 'an arrow key moves');
  await page.keyboard.press('+');
  assert.ok((await viewOf(page)).width < whole.width, '+ zooms in');
  await page.keyboard.press('0');
  assert.deepEqual(await viewOf(page), whole, '0 shows the whole');

  const fold = page.locator('#drawing [data-box="0"] .fold');
  await fold.focus();
  await page.keyboard.press('Enter');
  assert.equal(await shownBoxes(page), 1, 'Enter folds all that the root was made from');
  assert.equal(await fold.getAttribute('aria-expanded'), 'false');
  await fold.click({ force: true });
  assert.equal(await shownBoxes(page), begun, 'a click opens it again');
  await page.getByRole('button', { name: 'Open all' }).click();
  assert.equal(await shownBoxes(page), all, 'all are open');

  before = await viewOf(page);
  const touch = await context.newCDPSession(page);
  await svg.scrollIntoViewIfNeeded();
  const now = await svg.boundingBox();
  const points = (apart) =>
    [-1, 1].map((side, id) => ({ x: now.x + now.width / 2 + side * apart, y: now.y + now.height / 2, id }));
  await touch.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: points(20) });
  for (const apart of [30, 40, 60])
    await touch.send('Input.dispatchTouchEvent', { type: 'touchMove', touchPoints: points(apart) });
  await touch.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
  assert.ok((await viewOf(page)).width < before.width, 'two fingers zoom');

  await page.emulateMedia({ media: 'print' });
  await page.evaluate(() => dispatchEvent(new Event('beforeprint')));
  const paper = await viewOf(page);
  const outside = await page
    .locator('#drawing rect')
    .evaluateAll(
      (rects, { x, y, width, height }) =>
        rects
          .map((rect) => rect.getBBox())
          .filter((one) => one.x < x || one.y < y || one.x + one.width > x + width || one.y + one.height > y + height)
          .length,
      paper,
    );
  assert.equal(outside, 0, 'paper has the whole');
  assert.deepEqual(errors, [], 'under its own policy, without an error');
  await context.close();
  return `${begun} of ${all} boxes at first`;
}

let failed = false;
for (const path of process.argv.slice(2))
  for (const width of [1600, 360])
    try {
      console.log(`ok      ${basename(path)} ${width} px: moved, zoomed, folded; ${await drive(path, width)}`);
    } catch (error) {
      failed = true;
      console.log(`FAILED  ${basename(path)} ${width} px: ${error.message}`);
    }
await browser.close();
process.exitCode = failed ? 1 : 0;
