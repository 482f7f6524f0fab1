import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compiledSource } from '../support/compile.js';

/** The command line as a process of its own: what it loads, how it stops, how it ends. */

let dist: string;
let home: string;
beforeAll(async () => {
  dist = await compiledSource();
  home = await mkdtemp(join(tmpdir(), 'o1-process-'));
});
afterAll(() => rm(home, { recursive: true, force: true }));

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function start(script: string, args: readonly string[], execArgv: readonly string[] = []): ChildProcess {
  return spawn(process.execPath, [...execArgv, script, ...args], {
    env: { ...process.env, O1_CACHE: join(home, 'cache') },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

async function ended(child: ChildProcess): Promise<Ended> {
  let [stdout, stderr] = ['', ''];
  child.stdout!.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr!.on('data', (chunk) => {
    stderr += chunk;
  });
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  return { code, stdout, stderr };
}

/** A main program whose embedder is a slow fake, which says on stderr when it has embedded a chunk. */
async function fakeMain(delayMs: number): Promise<string> {
  const url = (path: string) => JSON.stringify(pathToFileURL(join(dist, path)).href);
  const path = join(home, `main-${delayMs}.mjs`);
  await writeFile(
    path,
    `import { run } from ${url('cli/run.js')};
     import { processContext } from ${url('cli/process-context.js')};
     import { HashingEncoder, TINY_SETTINGS } from ${url('testing/index.js')};
     class Slow extends HashingEncoder {
       settings = TINY_SETTINGS;
       mode = 'fp32';
       async embedDocuments(texts, options) {
         const vectors = await super.embedDocuments(texts, options);
         process.stderr.write('chunk embedded\\n');
         return vectors;
       }
       async embedQuery(text) {
         const vector = this.embed(text);
         const timings = { prefillMs: 0, thinkMs: 0, closingMs: 0, totalMs: 0 };
         return { instant: vector, vector, basis: 'instant', thoughts: [], deadlineReached: false, truncated: false, timings };
       }
       async close() {}
     }
     const context = { ...processContext(), loadEmbedder: async () => new Slow({ delayMs: ${delayMs} }) };
     process.exitCode = await run(process.argv.slice(2), context);`,
  );
  return path;
}

async function corpus(documents: number): Promise<string> {
  const path = join(home, `corpus-${documents}.jsonl`);
  const lines = Array.from({ length: documents }, (_, i) => `{"_id":"${i}","text":"text number ${i}"}\n`);
  await writeFile(path, lines.join(''));
  return path;
}

describe('what is loaded', () => {
  /** The modules that a run of the program loads, as file URLs. */
  async function loaded(args: readonly string[]): Promise<string[]> {
    const log = join(home, `modules-${args.join('')}.txt`);
    const hooks = `
      import { appendFileSync } from 'node:fs';
      export async function load(url, context, next) {
        appendFileSync(${JSON.stringify(log)}, url + '\\n');
        return next(url, context);
      }`;
    const register = `
      import { register } from 'node:module';
      register('data:text/javascript,${encodeURIComponent(hooks).replaceAll("'", '%27')}');`;
    const preload = `data:text/javascript,${encodeURIComponent(register)}`;
    const { code } = await ended(start(join(dist, 'cli/main.js'), args, ['--import', preload]));
    expect(code).toBe(0);
    return (await readFile(log, 'utf8')).trimEnd().split('\n');
  }

  test.each([[['--help']], [['search', '--help']], [['demo', '--help']]])(
    '%j loads no library but commander',
    async (args) => {
      const modules = await loaded(args);
      expect(modules.some((url) => url.endsWith('/cli/program.js'))).toBe(true);
      const libraries = modules.flatMap((url) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1] ?? []);
      // The compiled program stands inside node_modules too: only what is not its own counts.
      expect([...new Set(libraries)].filter((name) => name !== '.cache')).toEqual(['commander']);
      expect(
        modules.filter((url) => url.includes('/dist/') && !url.includes('/cli/') && !/errors\.js$/.test(url)),
      ).toEqual([]);
    },
  );
});

describe('how it ends', () => {
  test('--version', async () => {
    const { version } = JSON.parse(await readFile(join(dist, '../package.json'), 'utf8'));
    expect(await ended(start(join(dist, 'cli/main.js'), ['--version']))).toEqual({
      code: 0,
      stdout: `${version}\n`,
      stderr: '',
    });
  });

  test('Ctrl-C: exit code 130, no stack trace, and the next run goes on', async () => {
    const path = await corpus(400);
    const child = start(await fakeMain(5), ['index', path]);
    const end = ended(child);
    await new Promise<void>((resolve) => {
      child.stderr!.on('data', (chunk) => String(chunk).includes('chunk embedded') && resolve());
    });
    child.kill('SIGINT');
    const { code, stdout, stderr } = await end;
    expect([code, stdout]).toEqual([130, '']);
    expect(stderr).toContain('Stopped.');
    expect(stderr).not.toMatch(/\n\s+at /);
    const next = await ended(start(await fakeMain(0), ['index', path, '--json']));
    const { embedded, unchanged, documents } = JSON.parse(next.stdout);
    expect(documents).toBe(400);
    expect(unchanged).toBeGreaterThanOrEqual(128);
    expect(embedded).toBe(400 - unchanged);
  });

  test('a reader that goes away is no error', async () => {
    const path = await corpus(50);
    const child = start(await fakeMain(0), ['search', path, 'number', '--top', '50', '--json']);
    child.stdout!.destroy();
    const { code, stderr } = await ended(child);
    expect(code).toBe(0);
    expect(stderr).not.toContain('EPIPE');
  });

  test('an error is one line on stderr, and exit code 1', async () => {
    const { code, stdout, stderr } = await ended(start(join(dist, 'cli/main.js'), ['search', 'no-such-folder', 'q']));
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^error: no-such-folder: there is no such file or folder\. .*\n$/);
  });
});
