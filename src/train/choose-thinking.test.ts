import { afterAll, beforeAll, expect, test } from 'vitest';
import { dot, finalVector, type O1Embedder, settingsSchema } from '../embedder/index.js';
import { mean, ndcg } from '../metrics/index.js';
import { TINY_SETTINGS, tinyEmbedder } from '../testing/index.js';
import { chooseThinking } from './choose-thinking.js';

let embedder: O1Embedder;
beforeAll(async () => {
  embedder = await tinyEmbedder();
});
afterAll(() => embedder?.close());

const WORDS = ['open', 'close', 'read', 'write', 'watch', 'move', 'copy', 'list', 'stat', 'link', 'sync', 'trim'];
const documents = WORDS.map((word) => ({ id: word, text: `${word}s a file`, tokens: [] }));
const queries = WORDS.slice(0, 8).map((word) => ({ id: `q-${word}`, text: `how to ${word}?`, tokens: [] }));
type Vectors = readonly Float32Array[];
/** Judgements by which each query's right document is the one nearest to its vector. */
const judged = (ranked: Vectors, documentVectors: Vectors) =>
  new Map(
    queries.map(({ id }, i) => {
      const scores = documentVectors.map((vector) => dot(vector, ranked[i]!));
      return [id, new Map([[documents[scores.indexOf(Math.max(...scores))]!.id, 1]])];
    }),
  );

const texts = queries.map(({ text }) => text);
const ways = [
  { thoughts: 1, temperature: 0 },
  { thoughts: 2, temperature: 6 },
];

test('instant vectors that are perfect: the adapter does not think, unless asked, and then in the best way', async () => {
  const vectors = await embedder.embedDocuments(documents.map(({ text }) => text));
  const instant = await embedder.embedQueries(texts, { think: 'never' });
  const qrels = judged(
    instant.map(({ vector }) => vector),
    vectors,
  );
  const { choice, figures } = await chooseThinking(embedder, { queries, qrels }, documents, ways);
  expect(choice.think).toBe('never');
  expect(figures[0]).toEqual({ thoughts: 0, temperature: 0, instantWeight: 0, ndcg10: 1 });
  const [, ...tried] = figures;
  const best = tried.reduce((a, b) => (b.ndcg10 > a.ndcg10 ? b : a));
  expect(choice).toMatchObject({ ...ways[tried.indexOf(best)], instantWeight: best.instantWeight });
  // What is stored gives the figure, and can be read again.
  const settings = settingsSchema.parse(JSON.parse(JSON.stringify({ ...TINY_SETTINGS, thinking: choice })));
  const again = await tinyEmbedder({ settings });
  const final = await again.embedQueries(texts, { think: 'always' });
  const run = queries.map(({ id }, i) => {
    const scored = documents.map((document, j) => ({ id: document.id, score: dot(final[i]!.vector, vectors[j]!) }));
    return [id, scored] as const;
  });
  expect(mean(ndcg(new Map(run), qrels, 10))).toBeCloseTo(best.ndcg10, 12);
  await again.close();
});

test('final vectors that are perfect with half of the instant one: that way becomes the default', async () => {
  const vectors = await embedder.embedDocuments(documents.map(({ text }) => text));
  const embeddings = await embedder.embedQueries(texts, ways[1]!);
  const final = embeddings.map(({ instant, thoughts }) =>
    finalVector(
      instant,
      thoughts.map(({ vector }) => vector),
      0.5,
    ),
  );
  const { choice, figures } = await chooseThinking(
    embedder,
    { queries, qrels: judged(final, vectors) },
    documents,
    ways,
  );
  expect(figures[0]!.ndcg10).toBeLessThan(1);
  expect(figures[2]).toMatchObject({ thoughts: 2, temperature: 6, ndcg10: 1 });
  expect(choice).toMatchObject({ think: 'always', thoughts: 2, temperature: 6, topP: 1 });
  expect(choice.auto).toBeDefined();
});

test('no way to try: nothing but the instant vectors is measured', async () => {
  const qrels = new Map([['q-open', new Map([['open', 1]])]]);
  const { choice, figures } = await chooseThinking(embedder, { queries, qrels }, documents, []);
  expect(figures).toHaveLength(1);
  expect(choice).toEqual({ think: 'never', thoughts: 1, temperature: 0, topP: 1 });
});
