import { type ChildProcess, spawn } from 'node:child_process';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { runCli } from '../cli/run-cli.js';
import { compiledSource } from '../support/compile.js';

/** On a machine that does other work too, everything takes many times as long. */
const PATIENTLY = { timeout: 30_000 };

/** `o1-embedder serve` as a process of its own, with a tiny model in its worker thread. */

let home: string;
let main: string;
let docs: string;
beforeAll(async () => {
  const dist = await compiledSource();
  home = await mkdtemp(join(tmpdir(), 'o1-serve-'));
  docs = join(home, 'docs');
  await cp(fileURLToPath(new URL('../../examples/docs', import.meta.url)), docs, { recursive: true });
  main = await writeMain(dist);
});
afterAll(() => rm(home, { recursive: true, force: true }));

/** The command with the tiny model instead of the one that a user loads. A step of its thoughts takes `STEP_MS`. */
async function writeMain(dist: string): Promise<string> {
  const url = (path: string) => JSON.stringify(pathToFileURL(join(dist, path)).href);
  const engine = join(home, 'engine.mjs');
  await writeFile(
    engine,
    `import { tinyEmbedder } from ${url('testing/index.js')};
     import { engineOf } from ${url('server/index.js')};
     export async function createEngine() {
       const engine = engineOf(await tinyEmbedder(), { modelName: 'tiny' });
       const thinkingBatch = engine.thinkingBatch;
       engine.thinkingBatch = () => {
         const batch = thinkingBatch();
         const step = batch.step.bind(batch);
         batch.step = async () => {
           await new Promise((resolve) => setTimeout(resolve, Number(process.env.STEP_MS)));
           if (process.env.DIE_AT_STEP) setImmediate(() => { throw new Error('out of luck'); });
           return step();
         };
         return batch;
       };
       return engine;
     }`,
  );
  const path = join(home, 'main.mjs');
  await writeFile(
    path,
    `import { createProgram } from ${url('cli/program.js')};
     import { processContext } from ${url('cli/process-context.js')};
     import { serveCommand } from ${url('cli/commands/serve.js')};
     import { workerService } from ${url('server/index.js')};
     import { tinyEmbedder } from ${url('testing/index.js')};
     let open = 0;
     const loadEmbedder = async () => {
       const embedder = await tinyEmbedder();
       open++;
       const close = embedder.close.bind(embedder);
       return Object.assign(embedder, { close: () => close().then(() => open--) });
     };
     const context = { ...processContext(), loadEmbedder };
     const load = async ({ signal }, options) => {
       // The one that has indexed the documents is closed: there are never two models in memory.
       if (open > 0) throw new Error('another model is still in memory');
       const module = new URL(${JSON.stringify(pathToFileURL(engine).href)});
       return workerService({ module, parameters: {}, signal, ...options });
     };
     const program = createProgram(context);
     program.commands.find((command) => command.name() === 'serve')
       .action((place, values) => serveCommand(context, place, values, load));
     await program.parseAsync(process.argv.slice(2), { from: 'user' });`,
  );
  return path;
}

interface Running {
  readonly address: string;
  readonly child: ChildProcess;
  readonly ended: Promise<{ readonly code: number | null; readonly stderr: string }>;
  /** What it wrote to stderr so far. */
  stderr(): string;
}

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

async function serve(args: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<Running> {
  const child = spawn(process.execPath, [main, 'serve', '--port', '0', ...args], {
    env: { ...process.env, O1_CACHE: join(home, 'cache'), STEP_MS: '1', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const ended = new Promise<{ code: number | null; stderr: string }>((resolve) =>
    child.on('close', (code) => resolve({ code, stderr })),
  );
  const address = await new Promise<string>((resolve, reject) => {
    let stdout = '';
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
      const found = /at (http:\S+)\n/.exec(stdout)?.[1];
      if (found) resolve(found);
    });
    void ended.then(({ code }) => reject(new Error(`ended with code ${code}: ${stderr}`)));
  });
  return { address, child, ended, stderr: () => stderr };
}

const post = (address: string, path: string, body: object, headers: Record<string, string> = {}) =>
  fetch(`${address}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });

test('a folder is indexed and searched, and thoughts survive a restart', async () => {
  const args = [docs, '--cache', join(home, 'thoughts')];
  const question = { query: 'close idle connections', think: 'always', top: 2 };
  const first = await serve(args);
  const fresh = (await (await post(first.address, '/v1/search', question)).json()) as Record<string, unknown>;
  expect(fresh).toMatchObject({ basis: 'thoughts', cached: false });
  expect(fresh.hits).toHaveLength(2);
  const metrics = await (await fetch(`${first.address}/metrics`)).text();
  expect(metrics).toMatch(/^process_resident_memory_bytes \d+$/m);
  first.child.kill('SIGTERM');
  const { code, stderr } = await first.ended;
  expect(code).toBe(0);
  expect(stderr).not.toContain('close idle connections');
  const second = await serve(args);
  const again = (await (await post(second.address, '/v1/search', question)).json()) as Record<string, unknown>;
  expect(again).toEqual({ ...fresh, cached: true, timings: expect.anything() });
  second.child.kill('SIGINT');
  expect((await second.ended).code).toBe(0);
});

test('SIGTERM in mid-load: what was begun is answered, the rest is refused, exit code 0', async () => {
  const { address, child, ended, stderr } = await serve(['--queue', '30'], { STEP_MS: '10' });
  const ask = (query: string) =>
    post(address, '/v1/embeddings', { model: 'm', input: query, input_type: 'query', think: 'always' });
  const statuses: Promise<number | string>[] = [];
  const one = (i: number) =>
    ask(`query ${i}`).then(
      async (response) => {
        await response.arrayBuffer();
        return response.status;
      },
      (error: Error) => (error.cause as NodeJS.ErrnoException)?.code ?? error.message,
    );
  for (let i = 0; i < 40; i++) statuses.push(one(i));
  // Once the first is answered, all are under way.
  await Promise.race(statuses);
  const start = performance.now();
  child.kill('SIGTERM');
  await expect.poll(stderr, PATIENTLY).toContain('Stopping');
  for (let i = 0; i < 5; i++) statuses.push(one(100 + i));
  const { code } = await ended;
  expect(code).toBe(0);
  // Within ten seconds by itself; the others are for a machine that does other work too.
  expect(performance.now() - start).toBeLessThan(20_000);
  const seen = await Promise.all(statuses);
  // Refused: the queue was full, the server stops, or it listens no more.
  const refused = [429, 503, 'ECONNREFUSED', 'ECONNRESET', 'UND_ERR_SOCKET'];
  expect(seen.filter((status) => status !== 200 && !refused.includes(status))).toEqual([]);
  expect(seen.filter((status) => status === 200).length).toBeGreaterThan(10);
  expect(seen.slice(40)).not.toContain(200);
});

test('a model that dies: not ready, 503, and the log says why', async () => {
  const { address, child, ended, stderr } = await serve([], { DIE_AT_STEP: '1' });
  const response = await post(address, '/v1/thoughts', { query: 'a', think: 'always' });
  expect(await response.text()).toMatch(/event: error\ndata: .*"code":"service_unavailable"/);
  const refused = await post(address, '/v1/embeddings', { model: 'm', input: 'a' });
  expect(refused.status).toBe(503);
  const ready = await fetch(`${address}/readyz`);
  // Why is for the log alone.
  expect([ready.status, await ready.json()]).toEqual([503, { status: 'failed' }]);
  expect(await refused.text()).not.toContain('out of luck');
  expect(stderr()).toContain("the model's thread has ended: out of luck.");
  child.kill('SIGTERM');
  expect((await ended).code).toBe(0);
});

test('with a key', async () => {
  const { address } = await serve(['--api-key-env', 'SERVE_KEY'], { SERVE_KEY: 'secret' });
  expect((await fetch(`${address}/v1/models`)).status).toBe(401);
  const headers = { authorization: 'Bearer secret' };
  expect((await post(address, '/v1/embeddings', { model: 'm', input: 'a' }, headers)).status).toBe(200);
  expect((await fetch(address)).status).toBe(200);
});

describe('what is wrong on the command line', () => {
  test.each([
    [['serve', 'no-such-folder'], 'no-such-folder: there is no such file or folder.'],
    [['serve', '--port', '70000'], 'Expected a port, from 0 to 65535.'],
    [['serve', '--cors', 'https://app.example/page'], 'Expected an origin'],
    [['serve', '--api-key-env', 'NO_SUCH_KEY'], 'this environment variable is not set'],
    [['serve', '--queue', '0'], 'Expected a whole number from 1 up.'],
  ])('%j', async (args, message) => {
    const { code, stdout, stderr } = await runCli(args);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain(message);
  });

  test('--help has examples', async () => {
    const { code, stdout } = await runCli(['serve', '--help']);
    expect(code).toBe(0);
    expect(stdout).toContain('Examples:\n  $ o1-embedder serve ./docs');
  });
});
