import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';

/** The package as its users get it: packed, installed from the tarball into an empty folder, and used. */

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** The install copies half a gigabyte of native libraries. */
vi.setConfig({ hookTimeout: 600_000, testTimeout: 120_000 });

let home: string;
let app: string;
let packed: string[];

const run = (command: string, args: readonly string[], cwd: string) =>
  promisify(execFile)(command, args, { cwd, maxBuffer: 1 << 24 });

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'o1-package-'));
  app = join(home, 'app');
  await mkdir(app);
  if (await isStale()) await run('npm', ['run', 'build'], ROOT);
  const { stdout } = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', home], ROOT);
  const [{ filename, files }] = JSON.parse(stdout) as [{ filename: string; files: { path: string }[] }];
  packed = files.map(({ path }) => path);
  await writeFile(join(app, 'package.json'), '{ "name": "app", "private": true, "type": "module" }');
  const quietly = ['--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund'];
  await run('npm', ['install', ...quietly, join(home, filename)], app);
});
afterAll(() => rm(home, { recursive: true, force: true }));

/** Whether some source is newer than what was built from it. `npm test` builds first. */
async function isStale(): Promise<boolean> {
  const index = join(ROOT, 'dist/index.js');
  if (!existsSync(index)) return true;
  const built = (await stat(index)).mtimeMs;
  const sources = (await readdir(join(ROOT, 'src'), { recursive: true })).filter((name) =>
    /(?<!\.test)\.ts$/.test(name),
  );
  const times = await Promise.all(sources.map(async (name) => (await stat(join(ROOT, 'src', name))).mtimeMs));
  return Math.max(...times) > built;
}

test('the tarball holds the program, the data of the demo and the licence, and no tests', () => {
  for (const path of [
    'dist/index.js',
    'dist/index.d.ts',
    'dist/cli/main.js',
    'data/node-api/corpus.jsonl.gz',
    'data/expert/node-api.eval.jsonl.gz',
    'data/adapters/node-api-scifact/adapter_model.safetensors',
    'LICENSE',
    'README.md',
  ]) {
    expect(packed).toContain(path);
  }
  expect(packed.filter((path) => /\.test\.(js|d\.ts|ts)$|^(src|test|bench)\//.test(path))).toEqual([]);
});

test('npx o1-embedder --help', async () => {
  const { stdout } = await run('npx', ['--offline', 'o1-embedder', '--help'], app);
  expect(stdout).toMatch(/^Usage: o1-embedder/);
  for (const command of ['search', 'index', 'fetch', 'think', 'export', 'demo'])
    expect(stdout).toContain(`  ${command} `);
});

test('the public API and the fakes are imported and work', async () => {
  await writeFile(
    join(app, 'use.js'),
    `import { Bm25, indexCorpus, O1Embedder, openStore } from 'o1-embedder';
     import { tinyEmbedder } from 'o1-embedder/testing';
     const embedder = await tinyEmbedder();
     const store = await openStore('index', { encoder: embedder, access: 'write' });
     await indexCorpus(store, [{ id: 'a', text: 'one' }, { id: 'b', text: 'two' }], embedder);
     const { vector } = await embedder.embedQuery('one');
     const hits = await store.search(vector);
     await store.close();
     await embedder.close();
     console.log(JSON.stringify({ hits: hits.length, load: typeof O1Embedder.load, bm25: new Bm25([]).size }));`,
  );
  const { stdout } = await run(process.execPath, ['use.js'], app);
  expect(JSON.parse(stdout)).toEqual({ hits: 2, load: 'function', bm25: 0 });
});

test('its types are found', async () => {
  await writeFile(
    join(app, 'use.ts'),
    `import { O1Embedder, type QueryEmbedding } from 'o1-embedder';
     import { tinyEmbedder } from 'o1-embedder/testing';
     const embedder: O1Embedder = await tinyEmbedder();
     const embedding: QueryEmbedding = await embedder.embedQuery('x', { think: 'always' });
     const text: string | undefined = embedding.thoughts[0]?.text;
     // @ts-expect-error: there is no such way to think
     await embedder.embedQuery(text ?? '', { think: 'sometimes' });`,
  );
  const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
  const options = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext', '--target', 'es2022'];
  await run(process.execPath, [compiler, ...options, 'use.ts'], app);
});
