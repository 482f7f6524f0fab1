import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NotFoundError } from '../../errors.js';
import { loadBeir, type QueryRecord, type RetrievalSet, readLines } from '../../search/index.js';

const DATA = fileURLToPath(new URL('../../../data/', import.meta.url));

/** The folder of the Node API set, in BEIR's format. */
export const NODE_API = join(DATA, 'node-api');
const EXPERT_THOUGHTS = join(DATA, 'expert', 'node-api.eval.jsonl.gz');

export interface DemoSet extends RetrievalSet {
  /** An LLM expert's thought about each query, in the order of the queries. */
  readonly expertThoughts: readonly string[];
}

/** The 2,092 entries, the test queries with their judgements, and the expert's thoughts about them. */
export async function loadDemoSet(): Promise<DemoSet> {
  const set = await loadBeir(NODE_API, 'test');
  const byQuery = new Map<string, string>();
  for await (const { text } of readLines(EXPERT_THOUGHTS)) {
    const { _id, thoughts } = JSON.parse(text) as { _id: string; thoughts: string[] };
    byQuery.set(_id, thoughts[0]!);
  }
  const expertThoughts = set.queries.map(({ id }: QueryRecord) => {
    const thought = byQuery.get(id);
    if (thought === undefined) throw new NotFoundError(`has no thought for query "${id}".`, { where: EXPERT_THOUGHTS });
    return thought;
  });
  return { ...set, expertThoughts };
}
