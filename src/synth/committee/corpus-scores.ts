import { Bm25, documentText, type RetrievalSet } from '../../search/index.js';
import type { CommitteeMember, CommitteeProgress } from './member.js';
import { documentVectors, queryVectors } from './retriever-vectors.js';

/** One member's scores of the whole corpus for a query, in the order of the documents; dense ones are cosines. */
export interface CorpusScorer {
  readonly name: string;
  readonly kind: CommitteeMember['kind'];
  readonly fingerprint: string;
  scores(query: number): Float64Array;
}

export interface CorpusScorerOptions {
  readonly set: RetrievalSet;
  readonly output: string;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: CommitteeProgress) => void) | undefined;
}

/** A member's view of a set. An encoder is loaded, used and closed here; its vectors stay. */
export async function corpusScorer(member: CommitteeMember, options: CorpusScorerOptions): Promise<CorpusScorer> {
  return member.kind === 'sparse' ? sparseScorer(member.name, options.set) : denseScorer(member, options);
}

function sparseScorer(name: string, { documents, queries }: RetrievalSet): CorpusScorer {
  const index = new Bm25(documents.map((document) => ({ id: document.id, text: documentText(document) })));
  const positions = new Map(documents.map(({ id }, position) => [id, position]));
  return {
    name,
    kind: 'sparse',
    fingerprint: 'bm25',
    scores(query) {
      const scores = new Float64Array(documents.length);
      for (const { id, score } of index.search(queries[query]!.text, documents.length))
        scores[positions.get(id)!] = score;
      return scores;
    },
  };
}

async function denseScorer(
  member: Extract<CommitteeMember, { kind: 'dense' }>,
  { set, output, signal, onProgress }: CorpusScorerOptions,
): Promise<CorpusScorer> {
  const retriever = await member.load({ signal });
  const { fingerprint } = retriever;
  try {
    const told = (what: CommitteeProgress['what']) => (progress: { done: number; total: number }) =>
      onProgress?.({ member: member.name, what, ...progress });
    const documents = await documentVectors(retriever, set.documents.map(documentText), {
      output,
      signal,
      onProgress: told('documents'),
    });
    const queries = await queryVectors(
      retriever,
      set.queries.map(({ text }) => text),
      { output, signal, onProgress: told('queries') },
    );
    const dimensions = documents.length / set.documents.length;
    return {
      name: member.name,
      kind: 'dense',
      fingerprint,
      scores: (query) => products(queries.subarray(query * dimensions, (query + 1) * dimensions), documents),
    };
  } finally {
    await retriever.close();
  }
}

/** Inner products of a vector with the rows of `[rows, dimensions]`. */
function products(vector: Float32Array, rows: Float32Array): Float64Array {
  const dimensions = vector.length;
  const scores = new Float64Array(rows.length / dimensions);
  for (let row = 0; row < scores.length; row++) {
    let sum = 0;
    for (let i = 0, at = row * dimensions; i < dimensions; i++, at++) sum += vector[i]! * rows[at]!;
    scores[row] = sum;
  }
  return scores;
}

/** Positions of the `k` largest scores above 0, best first; of equal ones the first. A cosine or BM25 score of 0 or less is no hit. */
export function bestPositions(scores: Float64Array, k: number): number[] {
  const found: number[] = [];
  for (let position = 0; position < scores.length; position++) if (scores[position]! > 0) found.push(position);
  return found.sort((a, b) => scores[b]! - scores[a]! || a - b).slice(0, k);
}
