// Takes the picture of the playground that the guide shows, from a server that runs:
//
//   npx o1-embedder serve <documents> &
//   node test/playground/screenshot.mjs http://127.0.0.1:8080 "close idle connections" docs/images/playground.png
import { chromium } from 'playwright-core';

const [address, question, path, width = '1100'] = process.argv.slice(2);
if (!path) throw new Error('expected: <address> <question> <file.png> [width in pixels]');

const browser = await chromium.launch({
  executablePath: process.env.O1_CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox'],
});
const page = await browser.newPage({ viewport: { width: Number(width), height: 700 } });
await page.goto(address);
await page.getByRole('searchbox').fill(question);
await page.keyboard.press('Enter');
await page.locator('#status', { hasText: /^\d+ hits? after .*\./ }).waitFor();
// The arrow has arrived, and the question has no focus ring.
await page.waitForTimeout(1_000);
await page.evaluate('document.activeElement.blur()');
await page.screenshot({ path, fullPage: true });
await browser.close();
