import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { normalisedMean, type QueryEvent, type QueryOptions } from '../../embedder/index.js';
import type { StoredDocument } from '../../search/index.js';
import { HashingEncoder } from '../../testing/index.js';
import { createMcpServer, type McpCollection } from './mcp-server.js';

const DOCUMENTS = [
  {
    id: 'network.md#timeouts',
    title: 'Network > Timeouts',
    text: 'A connection without traffic is closed after thirty seconds.',
  },
  {
    id: 'logs.md',
    text: `Rotation moves the file aside. ${'Details follow here. '.repeat(100)}`,
    metadata: { team: 'ops' },
  },
  { id: 'backup.md', title: 'backup.md', text: 'Nightly snapshots go to the cold store.' },
];

/** Documents and a service without a model: the thought about a query is always the same. */
class FakeCollection implements McpCollection {
  readonly asked: { text: string; options: QueryOptions }[] = [];
  readonly #encoder = new HashingEncoder({ dimensions: 512 });
  /** Set: thinking goes on until it is aborted. */
  endless = false;

  readonly service = { query: (text: string, options: QueryOptions = {}) => this.#query(text, options) };

  readonly store = {
    search: async (vector: Float32Array, { k = 10 } = {}) =>
      DOCUMENTS.map((document) => {
        const own = this.#encoder.embed(`${document.title ?? ''} ${document.text}`);
        return { ...document, score: own.reduce((sum, value, i) => sum + value * vector[i]!, 0) };
      })
        .sort((a, b) => b.score - a.score)
        .slice(0, k),
    get: async (ids: readonly string[]) =>
      new Map(
        DOCUMENTS.filter(({ id }) => ids.includes(id)).map((document) => [
          document.id,
          document as StoredDocument & typeof document,
        ]),
      ),
  };

  vector(text: string): Float32Array {
    return this.#encoder.embed(text);
  }

  async *#query(text: string, options: QueryOptions): AsyncGenerator<QueryEvent> {
    this.asked.push({ text, options });
    const instant = this.#encoder.embed(text);
    yield { type: 'instant', vector: instant, prefillMs: 1 };
    if (this.endless) {
      await new Promise((_, reject) => options.signal?.addEventListener('abort', () => reject(options.signal?.reason)));
    }
    const thinks = options.think === 'always' && options.deadlineMs !== 0;
    const thought = options.thought ?? (thinks ? 'nightly snapshots' : undefined);
    const vector = thought === undefined ? instant : normalisedMean([instant, this.#encoder.embed(thought)]);
    const finishReason = options.thought === undefined ? ('stop' as const) : ('given' as const);
    yield {
      type: 'final',
      instant,
      vector,
      basis: thought === undefined ? 'instant' : 'thoughts',
      thoughts:
        thought === undefined
          ? []
          : [{ sample: 0, text: thought, tokens: [], finishReason, vector, logProbability: -1 }],
      deadlineReached: options.deadlineMs === 0,
      truncated: text.length > 100,
      timings: { prefillMs: 1, thinkMs: 1, closingMs: 0, totalMs: 2 },
    };
  }
}

let collection: FakeCollection;
let client: Client;
beforeEach(async () => {
  collection = new FakeCollection();
  client = await connect(async () => collection);
});
afterEach(() => client.close());

async function connect(open: () => Promise<McpCollection>): Promise<Client> {
  const [ours, theirs] = InMemoryTransport.createLinkedPair();
  await createMcpServer({ version: '1.2.3', source: './docs', collection: open }).connect(theirs);
  const client = new Client({ name: 'test', version: '0' });
  await client.connect(ours);
  return client;
}

/** Calls a tool: its text, and whether it is an error. */
async function call(name: string, args: Record<string, unknown>): Promise<{ text: string; isError: boolean }> {
  const { content, isError = false } = await client.callTool({ name, arguments: args });
  const [{ text }] = content as [{ text: string }];
  return { text, isError: Boolean(isError) };
}

test('introduces itself, with two tools that only read', async () => {
  expect(client.getServerVersion()).toMatchObject({ name: 'o1-embedder', version: '1.2.3' });
  expect(client.getInstructions()).toContain('./docs');
  const { tools } = await client.listTools();
  expect(tools.map(({ name }) => name)).toEqual(['search', 'get']);
  for (const { description, inputSchema, annotations } of tools) {
    expect(description).not.toBe('');
    expect(inputSchema.additionalProperties).toBe(false);
    expect(annotations).toMatchObject({ readOnlyHint: true, openWorldHint: false });
    for (const property of Object.values(inputSchema.properties!)) {
      expect((property as { description: string }).description.length).toBeGreaterThan(10);
    }
  }
  expect(tools[0]!.inputSchema.required).toEqual(['query']);
});

describe('search', () => {
  test('gives the best passages first, with id, title, score and text', async () => {
    const { text } = await call('search', { query: 'connection without traffic', top: 2 });
    const [first, second, ...rest] = text.split('\n\n');
    expect(first).toMatch(
      /^1\. id: network\.md#timeouts {2}\(score 0\.\d{3}\)\nNetwork > Timeouts\nA connection without traffic is closed after thirty seconds\.$/,
    );
    expect(second).toMatch(/^2\. id: /);
    expect(rest).toEqual([]);
    expect(collection.asked[0]).toMatchObject({ text: 'connection without traffic', options: { think: undefined } });
  });

  test('a long text is cut, and says so', async () => {
    const { text } = await call('search', { query: 'details follow', top: 1 });
    expect(text.length).toBeLessThan(1_700);
    expect(text).toMatch(/… \(\d+ characters; get has all\)$/);
  });

  test("the agent's own thought finds what the query does not name, and is not repeated to it", async () => {
    const query = 'files from thirty days ago';
    expect((await call('search', { query, top: 1 })).text).not.toContain('backup.md');
    const { text } = await call('search', { query, thought: 'nightly snapshots go to the cold store', top: 1 });
    expect(text).toMatch(/^1\. id: backup\.md/);
    expect(collection.asked[1]!.options).toMatchObject({ thought: 'nightly snapshots go to the cold store' });
  });

  test('the thought that the model wrote is told', async () => {
    const { text } = await call('search', { query: 'copies', think: 'always', deadline_ms: 300 });
    expect(text).toMatch(/^Searched with the model's thought: nightly snapshots\n\n1\. id: backup\.md/);
    expect(collection.asked[0]!.options).toMatchObject({ think: 'always', deadlineMs: 300 });
  });

  test('auto may decide by how clear the best hit is', async () => {
    await call('search', { query: 'nightly snapshots', think: 'auto' });
    const { think, instantScores } = collection.asked[0]!.options;
    expect(think).toBe('auto');
    const scores = await instantScores!(collection.vector('nightly snapshots'));
    expect(scores).toHaveLength(2);
    expect(scores[0]).toBeGreaterThan(scores[1]!);
  });

  test('a deadline that came too early and a query that is too long are told', async () => {
    const { text } = await call('search', { query: 'copies '.repeat(20), think: 'always', deadline_ms: 0 });
    expect(text).toMatch(/^The deadline came .*\n\nThe query is longer .*\n\n1\. id: /);
  });

  test.each([
    ['an unknown parameter', { query: 'x', limit: 3 }, /limit/],
    ['no query', {}, /query/],
    ['an empty query', { query: '  ' }, /expected what to look for, got an empty text/],
    ['another type', { query: 'x', top: '3' }, /top/],
    ['too many hits', { query: 'x', top: 51 }, /top/],
    ['another way to think', { query: 'x', think: 'sometimes' }, /never.*always.*auto/],
    ['a negative deadline', { query: 'x', deadline_ms: -1 }, /deadline_ms/],
    ['a thought where none shall be', { query: 'x', thought: 'y', think: 'never' }, /exclude each other/],
  ])('%s is an error that names it', async (_, args, message) => {
    const { text, isError } = await call('search', args);
    expect(isError).toBe(true);
    expect(text).toMatch(message);
    expect(collection.asked).toEqual([]);
  });

  test('a call that the client gives up stops the thinking', async () => {
    collection.endless = true;
    const controller = new AbortController();
    const given = client.callTool({ name: 'search', arguments: { query: 'x' } }, undefined, {
      signal: controller.signal,
    });
    const rejected = expect(given).rejects.toThrow();
    while (collection.asked.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    controller.abort(new Error('enough'));
    await rejected;
    const { signal } = collection.asked[0]!.options;
    while (!signal!.aborted) await new Promise((resolve) => setTimeout(resolve, 5));
  });
});

describe('get', () => {
  test('gives the whole text, with title and metadata', async () => {
    const { text } = await call('get', { id: 'logs.md' });
    expect(text).toBe(`{"team":"ops"}\n\n${DOCUMENTS[1]!.text}`);
    expect((await call('get', { id: 'network.md#timeouts' })).text).toMatch(/^Network > Timeouts\n\nA connection/);
  });

  test.each([
    [
      'an id that is not there',
      { id: 'nothing.md' },
      'no document has the id "nothing.md". Take an id from the hits of search.',
    ],
    ['an unknown parameter', { id: 'logs.md', lines: 3 }, 'lines'],
  ])('%s is an error', async (_, args, message) => {
    const { text, isError } = await call('get', args);
    expect(isError).toBe(true);
    expect(text).toContain(message);
  });
});

test('what keeps the documents from being opened is told by the tools', async () => {
  await client.close();
  client = await connect(() => Promise.reject(new Error('the index was made with another model.')));
  expect(await call('search', { query: 'x' })).toEqual({
    text: 'the index was made with another model.',
    isError: true,
  });
});
