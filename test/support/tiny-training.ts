import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ByteTokenizer, randomWeights, TINY_CONFIG } from '../../src/testing/index.js';
import { type BaseModel, type Recipe, recipeSchema } from '../../src/train/index.js';

/** A tiny random model as the base of a training run. */
export function tinyBase(): BaseModel {
  return { ...randomWeights(TINY_CONFIG, 1), tokenizer: new ByteTokenizer(), sha256: '0'.repeat(64) };
}

const NOUNS = ['file', 'folder', 'socket', 'stream', 'timer', 'buffer', 'worker', 'signal', 'path', 'event'];
const VERBS = ['open', 'close', 'read', 'write', 'watch', 'move', 'copy', 'list'];

/** A retrieval set of 80 documents and as many queries, with thoughts: 70 train, 10 are for validation. */
export async function writeTinyData(folder: string): Promise<void> {
  const items = NOUNS.flatMap((noun) => VERBS.map((verb) => ({ id: `${noun}.${verb}`, noun, verb })));
  const jsonl = (rows: readonly unknown[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('');
  const qrels = (rows: typeof items) =>
    `query-id\tcorpus-id\tscore\n${rows.map(({ id }) => `q-${id}\t${id}\t2\n`).join('')}`;
  await mkdir(join(folder, 'qrels'), { recursive: true });
  const corpus = items.map(({ id, noun, verb }) => ({ _id: id, title: id, text: `${verb}s the ${noun}` }));
  const queries = items.map(({ id, noun, verb }) => ({ _id: `q-${id}`, text: `how to ${verb} a ${noun}` }));
  const thoughts = items.map(({ id }) => ({ _id: `q-${id}`, thoughts: [`use ${id}`, `try ${id}`] }));
  await writeFile(join(folder, 'corpus.jsonl'), jsonl(corpus));
  await writeFile(join(folder, 'queries.jsonl'), jsonl(queries));
  await writeFile(join(folder, 'thoughts.jsonl'), jsonl(thoughts));
  await writeFile(join(folder, 'qrels', 'train.tsv'), qrels(items.slice(0, 70)));
  await writeFile(join(folder, 'qrels', 'dev.tsv'), qrels(items.slice(70)));
}

/** A recipe of about a second, nine steps: query-only, joint with the corpus, and a round with own thoughts. */
export function tinyRecipe(folder: string, changes: Partial<Recipe> = {}): Recipe {
  const recipe = recipeSchema.parse({
    description: 'A tiny run',
    base: { model: 'tiny', tokens: { query: 257, document: 258, thought: 259, embedding: 260, end: 256 } },
    data: [{ name: 'tiny', folder, thoughts: join(folder, 'thoughts.jsonl'), candidates: 'all' }],
    lengths: { query: 32, thought: 16, document: 40 },
    lora: { rank: 4, alpha: 8 },
    maxTokens: 256,
    checkpointEvery: 2,
    validation: { every: 2, documents: 20, thinking: [{ thoughts: 2, temperature: 0.6 }] },
    stages: [
      { name: 'query-only', epochs: 0.2, batch: 4, learningRate: 0.01, thoughts: 'none' },
      { name: 'joint', epochs: 0.2, batch: 4, learningRate: 0.01, corpus: { documents: 2, weight: 0.1 } },
      { name: 'own thoughts', epochs: 0.2, batch: 4, learningRate: 0.01, ownThoughts: { share: 0.6, perQuery: 2 } },
    ],
  });
  return { ...recipe, ...changes };
}
