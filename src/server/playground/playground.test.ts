import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { playgroundAssets, playgroundPage } from './index.js';

/** What can be told without a browser; `test/playground` drives the page in one. */

const asset = async (path: string) => (await playgroundAssets()).find((file) => file.path === path)!;

test('the page asks for nothing but its own files and the API', async () => {
  const page = await playgroundPage();
  const paths = (await playgroundAssets()).map(({ path }) => path);
  const asked = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path!);
  expect(asked.sort()).toEqual(paths.sort());
  for (const { body } of await playgroundAssets()) expect(body.length).toBeGreaterThan(100);
  const script = (await asset('/playground.js')).body;
  expect([...script.matchAll(/'(\/[a-z][\w/]*)'/g)].map(([, path]) => path)).toEqual(['/v1/thoughts', '/v1/models']);
  expect(`${page}${script}${(await asset('/playground.css')).body}`).not.toMatch(/https?:/);
});

test('nothing is inline: a Content-Security-Policy of default-src self lets all of it pass', async () => {
  const page = await playgroundPage();
  expect(page).not.toMatch(/<style|\sstyle=|\son\w+=|javascript:/);
  for (const [, tag, content] of page.matchAll(/(<script[^>]*>)([^<]*)<\/script>/g)) {
    expect(tag).toContain(' src="/');
    expect(content).toBe('');
  }
  expect((await asset('/playground.js')).body).not.toMatch(/innerHTML|insertAdjacentHTML|eval\(|attr\('style'/);
});

test('every element that the script looks for is in the page', async () => {
  const page = await playgroundPage();
  const { body } = await asset('/playground.js');
  const wanted = [...body.matchAll(/element\('([\w-]+)'\)/g)].map(([, id]) => id!);
  expect(wanted.length).toBeGreaterThan(10);
  for (const id of wanted) expect(page).toContain(`id="${id}"`);
});

test("script and style pass the project's linter", async () => {
  const folder = await mkdtemp(join(tmpdir(), 'o1-playground-'));
  try {
    const files = ['/playground.js', '/playground.css'];
    for (const path of files) await writeFile(join(folder, path), (await asset(path)).body);
    const linter = fileURLToPath(new URL('../../../node_modules/@biomejs/biome/bin/biome', import.meta.url));
    const args = ['lint', '--colors=off', '--diagnostic-level=warn', ...files.map((path) => `.${path}`)];
    const report = await promisify(execFile)(process.execPath, [linter, ...args], { cwd: folder }).catch(
      (error: { stdout: string; stderr: string }) => error,
    );
    expect(`${report.stdout}${report.stderr}`).toMatch(/^Checked 2 files in .+\. No fixes applied\.\n$/);
  } finally {
    await rm(folder, { recursive: true });
  }
});
