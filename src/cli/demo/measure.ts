import { pairedDifference } from '../../eval/index.js';
import { mean, ndcg, type Run, type ScoredDocument } from '../../metrics/index.js';
import { Bm25, documentText, type VectorStore } from '../../search/index.js';
import type { CliContext, CliEmbedder } from '../context.js';
import { counted, startTask } from '../progress.js';
import type { DemoSet } from './data-set.js';
import type { DemoFigures } from './figures.js';

const CUTOFF = 10;

/** The test queries' mean nDCG@10, and the p value of the model's own thoughts against the instant vector (paired randomisation test). */
export interface DemoMeasurement {
  readonly figures: DemoFigures;
  readonly p: number;
}

/** nDCG@10 of BM25, the instant vectors, the model's own thoughts and the expert's, over the test queries. */
export async function measure(
  context: CliContext,
  embedder: CliEmbedder,
  store: VectorStore,
  set: DemoSet,
): Promise<DemoMeasurement> {
  const { signal } = context;
  const texts = set.queries.map(({ text }) => text);
  const bm25 = new Bm25(set.documents.map((record) => ({ id: record.id, text: documentText(record) })));
  const ranked = async (vectors: readonly Float32Array[]) => {
    const rankings: ScoredDocument[][] = [];
    for (const vector of vectors) rankings.push(await store.search(vector, { k: CUTOFF }));
    return rankings;
  };
  const score = (rankings: readonly (readonly ScoredDocument[])[]) => {
    const run: Run = new Map(set.queries.map(({ id }, i) => [id, rankings[i]!]));
    return ndcg(run, set.qrels, CUTOFF);
  };
  const own = await withTask(context, 'thinking', (onProgress) =>
    embedder.embedQueries(texts, { think: 'always', signal, onProgress }),
  );
  const expert = await withTask(context, "reading the expert's thoughts", async (onProgress) => {
    const vectors: Float32Array[] = [];
    for (const [i, text] of texts.entries()) {
      vectors.push((await embedder.embedQuery(text, { thought: set.expertThoughts[i]!, signal })).vector);
      onProgress({ done: vectors.length, total: texts.length });
    }
    return vectors;
  });
  const instant = score(await ranked(own.map((embedding) => embedding.instant)));
  const thinking = score(await ranked(own.map(({ vector }) => vector)));
  return {
    figures: {
      bm25: mean(score(texts.map((text) => bm25.search(text, CUTOFF)))),
      instant: mean(instant),
      ownThought: mean(thinking),
      expertThought: mean(score(await ranked(expert))),
    },
    p: pairedDifference([...thinking.values()], [...instant.values()]).p,
  };
}

async function withTask<T>(
  context: CliContext,
  label: string,
  work: (onProgress: (progress: { done: number; total: number }) => void) => Promise<T>,
): Promise<T> {
  const task = startTask(context.stderr, label, counted('queries'));
  try {
    return await work((progress) => task.update(progress));
  } finally {
    task.stop();
  }
}
