import type { QueryEmbedding, QueryOptions } from '../../embedder/index.js';
import { InvalidInputError } from '../../errors.js';
import { openStore, type SearchHit } from '../../search/index.js';
import type { CliContext, CliEmbedder } from '../context.js';
import { formatHits, hitsToJson, movesOf } from '../hits.js';
import { type ModelOptions, withEmbedder } from '../load-embedder.js';
import { readyIndex } from '../ready-index.js';
import { createRetriever, type Retriever } from '../retriever.js';
import { assertThere } from '../source.js';
import { embeddingToJson, remarksOn, type ThinkingOptions, toQueryOptions } from '../thinking-options.js';

export interface SearchCommandOptions extends ModelOptions, ThinkingOptions {
  readonly index?: string;
  readonly top: number;
  readonly hybrid?: boolean;
  readonly stream?: boolean;
  readonly json?: boolean;
}

/** Answers a question from a folder, indexing first what is new in it, or from an index as it is. */
export async function searchCommand(
  context: CliContext,
  place: string,
  query: string,
  options: SearchCommandOptions,
): Promise<void> {
  if (query.trim() === '') throw new InvalidInputError('the question is empty.', { hint: 'Ask for something.' });
  const stream = options.stream ?? false;
  const thinking = toQueryOptions(context, stream && !options.think ? { ...options, think: 'always' } : options);
  assertThere(place);
  await withEmbedder(context, options, async (embedder) => {
    const { folder, report } = await readyIndex(context, embedder, place, options.index);
    const store = await openStore(folder, { encoder: embedder });
    try {
      const retriever = await createRetriever(store, options.hybrid ?? false);
      // What the rule of auto may ask for.
      const instantScores = async (vector: Float32Array) =>
        (await store.search(vector, { k: 2 })).map(({ score }) => score);
      const settings: QueryOptions = { ...thinking, instantScores };
      const search: Search = { context, embedder, retriever, query, top: options.top, settings };
      if (stream) return await (options.json ? streamJson(search) : streamText(search));
      const embedding = await embedder.embedQuery(query, settings);
      const hits = await retriever.search(query, embedding.vector, options.top);
      if (!options.json) return printAnswer(context, embedding, hits);
      const index = { folder, documents: store.manifest.documents, ...(report ? { update: report } : {}) };
      const answer = { query, encoder: embedder.fingerprint, index, ...embeddingToJson(embedding) };
      context.stdout.write(`${JSON.stringify({ ...answer, hits: hitsToJson(hits) })}\n`);
    } finally {
      await store.close();
    }
  });
}

interface Search {
  readonly context: CliContext;
  readonly embedder: CliEmbedder;
  readonly retriever: Retriever;
  readonly query: string;
  readonly top: number;
  readonly settings: QueryOptions;
}

function printAnswer(context: CliContext, embedding: QueryEmbedding, hits: readonly SearchHit[]): void {
  for (const remark of remarksOn(embedding)) context.stderr.write(`${remark}\n`);
  for (const { text } of embedding.thoughts) context.stdout.write(`thought: ${text.trim()}\n`);
  context.stdout.write(formatHits(hits));
}

/** The instant hits, the thought while it is written, then the hits again with their moves. */
async function streamText({ context, embedder, retriever, query, top, settings }: Search): Promise<void> {
  const { stdout } = context;
  let before: SearchHit[] = [];
  let written = false;
  for await (const event of embedder.streamQuery(query, settings)) {
    if (event.type === 'instant') {
      before = await retriever.search(query, event.vector, top);
      stdout.write(`Instant hits:\n${formatHits(before)}\n`);
    } else if (event.type === 'token') {
      // Several thoughts are written side by side; the first can be watched, the others follow whole.
      if (event.sample !== 0) continue;
      if (!written) stdout.write('Thought: ');
      written = true;
      stdout.write(event.text);
    } else {
      if (written) stdout.write('\n');
      for (const { text } of written ? event.thoughts.slice(1) : event.thoughts)
        stdout.write(`Thought: ${text.trim()}\n`);
      for (const remark of remarksOn(event)) context.stderr.write(`${remark}\n`);
      if (event.basis === 'instant') return;
      const hits = await retriever.search(query, event.vector, top);
      stdout.write(`\nHits with the thought:\n${formatHits(hits, movesOf(hits, before))}`);
    }
  }
}

/** The same as JSON, one object a line. */
async function streamJson({ context, embedder, retriever, query, top, settings }: Search): Promise<void> {
  const write = (value: object) => context.stdout.write(`${JSON.stringify(value)}\n`);
  let before: SearchHit[] = [];
  for await (const event of embedder.streamQuery(query, settings)) {
    if (event.type === 'instant') {
      before = await retriever.search(query, event.vector, top);
      write({ type: 'instant', hits: hitsToJson(before) });
    } else if (event.type === 'token') {
      write({ type: 'token', sample: event.sample, text: event.text });
    } else {
      const hits = await retriever.search(query, event.vector, top);
      write({ type: 'final', ...embeddingToJson(event), hits: hitsToJson(hits, movesOf(hits, before)) });
    }
  }
}
