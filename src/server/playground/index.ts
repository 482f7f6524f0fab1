/**
 * The playground: one page on which a visitor sees instant hits, the thought while it is written, and how it moves the hits. It
 * knows the HTTP interface and nothing behind it.
 *
 * Page, script and style are strings in modules, so that the compiler alone makes the package. They hold to a
 * Content-Security-Policy of `default-src 'self'`: nothing is inline, nothing comes from elsewhere.
 */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { ICON, PAGE } from './page.js';
import { PICTURE_SCRIPT } from './picture-script.js';
import { SCRIPT } from './script.js';
import { STYLE } from './style.js';

/** A file that the page asks for. */
export interface PlaygroundAsset {
  /** Where the page looks for it, from the server's root. */
  readonly path: string;
  readonly contentType: string;
  readonly body: string;
}

/** The page, as HTML. */
export async function playgroundPage(): Promise<string> {
  return PAGE;
}

/** Everything that the page asks for beside the API. */
export async function playgroundAssets(): Promise<readonly PlaygroundAsset[]> {
  return [
    { path: '/playground.js', contentType: JAVASCRIPT, body: `${PICTURE_SCRIPT}\n${SCRIPT}` },
    { path: '/playground.css', contentType: 'text/css; charset=utf-8', body: STYLE },
    { path: '/playground.svg', contentType: 'image/svg+xml', body: ICON },
    { path: '/assets/d3.min.js', contentType: JAVASCRIPT, body: await readD3() },
  ];
}

const JAVASCRIPT = 'text/javascript; charset=utf-8';

/** D3 in one file, as its package has it. */
function readD3(): Promise<string> {
  const main = createRequire(import.meta.url).resolve('d3');
  return readFile(join(dirname(main), '..', 'dist', 'd3.min.js'), 'utf8');
}
