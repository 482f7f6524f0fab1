import { spawn } from 'node:child_process';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { compiledSource } from '../support/compile.js';

/** `o1-embedder mcp` as an agent starts it: a process of its own that speaks over its standard streams. */

const DOCS = fileURLToPath(new URL('../../examples/docs', import.meta.url));

let home: string;
let main: string;
let docs: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'o1-mcp-'));
  docs = join(home, 'docs');
  await cp(DOCS, docs, { recursive: true });
  const dist = await compiledSource();
  const url = (path: string) => JSON.stringify(pathToFileURL(join(dist, path)).href);
  main = join(home, 'main.mjs');
  await writeFile(
    main,
    `import { on } from 'node:events';
     import { run } from ${url('cli/run.js')};
     import { processContext } from ${url('cli/process-context.js')};
     import { tinyEmbedder } from ${url('testing/index.js')};
     const loadEmbedder = async ({ model }) => {
       if (model !== 'missing') return tinyEmbedder();
       // Not before somebody waits for it.
       for await (const [chunk] of on(process.stdin, 'data')) if (String(chunk).includes('tools/call')) break;
       throw new Error('no such model');
     };
     process.exitCode = await run(process.argv.slice(2), { ...processContext(), loadEmbedder });`,
  );
});
afterAll(() => rm(home, { recursive: true, force: true }));

const environment = () => ({ ...(process.env as Record<string, string>), O1_CACHE: join(home, 'cache') });

test('an agent lists the tools, searches and gets a document', async () => {
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [main, 'mcp', docs],
    env: environment(),
    stderr: 'pipe',
  });
  let stderr = '';
  transport.stderr!.on('data', (chunk) => {
    stderr += chunk;
  });
  const client = new Client({ name: 'test', version: '0' });
  const problems: Error[] = [];
  client.onerror = (error) => problems.push(error);
  await client.connect(transport);
  const call = async (name: string, args: Record<string, unknown>) => {
    const { content } = await client.callTool({ name, arguments: args });
    return (content as [{ text: string }])[0].text;
  };
  expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(['search', 'get']);

  const hits = await call('search', { query: 'slow clients', think: 'always', top: 3 });
  expect(hits).toMatch(/^Searched with the model's thought: /);
  const ids = [...hits.matchAll(/^\d+\. id: (\S+)/gm)].map(([, id]) => id!);
  expect(ids).toHaveLength(3);
  const text = await call('get', { id: ids[0]! });
  expect(hits).toContain(text.split('\n').at(-1));
  expect(await call('search', { query: 'slow clients', thought: 'idleTimeout' })).toMatch(/^1\. id: /);
  expect(stderr).toContain('embedded');
  await client.close();
  // Whatever else stood on stdout would have been reported as a broken message.
  expect(problems).toEqual([]);
});

/** Runs the command with this input, closed at its end. */
async function runWith(input: readonly object[], ...args: string[]) {
  const child = spawn(process.execPath, [main, 'mcp', ...args], { env: environment() });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  for (const message of input) child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
  const code = new Promise<number | null>((resolve) => child.on('close', resolve));
  return { child, ended: async () => ({ code: await code, stdout, stderr }) };
}

const INITIALIZE = {
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'test', version: '0' } },
};

test('it ends when the agent hangs up, with nothing but the protocol on stdout', async () => {
  const { child, ended } = await runWith([INITIALIZE], docs);
  await new Promise<void>((resolve) => child.stdout.once('data', () => resolve()));
  child.stdin.end();
  const { code, stdout } = await ended();
  expect(code).toBe(0);
  const lines = stdout.trimEnd().split('\n');
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { id: 1, result: { serverInfo: { name: 'o1-embedder' } } },
  ]);
});

test('SIGTERM ends it too', async () => {
  const { child, ended } = await runWith(
    [INITIALIZE, { id: 2, method: 'tools/call', params: { name: 'get', arguments: { id: 'x' } } }],
    docs,
  );
  let stdout = '';
  await new Promise<void>((resolve) => {
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
      // The second answer means that the documents are open.
      if (stdout.includes('"id":2')) resolve();
    });
  });
  child.kill('SIGTERM');
  expect(await ended()).toMatchObject({ code: 0 });
});

test('a model that cannot be loaded is an error for the caller and on stderr', async () => {
  const search = { id: 2, method: 'tools/call', params: { name: 'search', arguments: { query: 'x' } } };
  const { child, ended } = await runWith([INITIALIZE], docs, '--model', 'missing');
  await new Promise<void>((resolve) => child.stdout.once('data', () => resolve()));
  child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...search })}\n`);
  const { code, stdout, stderr } = await ended();
  expect(code).toBe(1);
  expect(stderr).toContain('no such model');
  const lines = stdout.trimEnd().split('\n');
  expect(JSON.parse(lines[1]!)).toMatchObject({
    id: 2,
    result: { isError: true, content: [{ text: 'no such model' }] },
  });
});

test('a place that is not there is an error before anything is said', async () => {
  const { ended } = await runWith([], 'no-such-folder');
  const { code, stdout, stderr } = await ended();
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toContain('no-such-folder: there is no such file or folder.');
});
