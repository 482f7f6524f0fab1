import type { ScoredDocument } from '../metrics/index.js';
import { EnglishAnalyzer } from './english-analyzer.js';

export interface Bm25Settings {
  /** Saturation of the term frequency. Default 0.9, as Anserini. */
  readonly k1?: number;
  /** Strength of the length normalisation, 0 to 1. Default 0.4, as Anserini. */
  readonly b?: number;
}

interface Posting {
  /** Positions in the corpus, ascending. */
  readonly documents: Uint32Array;
  /** How often the term stands in each. */
  readonly frequencies: Uint32Array;
}

/**
 * BM25 over a fixed corpus with Lucene's formula and Lucene's English analysis:
 * the sum over the query's terms of idf * tf / (tf + k1 * (1 - b + b * length / mean length)), with
 * idf = ln(1 + (N - n + 0.5) / (n + 0.5)). A term that stands twice in the query counts twice.
 *
 * Lengths are exact (Lucene rounds them to one byte). Scores are 64-bit; equal scores are ordered by position in the
 * corpus, first come first.
 */
export class Bm25 {
  readonly #analyzer = new EnglishAnalyzer();
  readonly #ids: string[] = [];
  readonly #positions = new Map<string, number>();
  readonly #postings = new Map<string, Posting>();
  /** k1 * (1 - b + b * length / mean length) of every document. */
  readonly #saturation: Float64Array;

  /** @param documents the texts to search; ids must be unique. Use `documentText` to put title and text together. */
  constructor(documents: Iterable<{ readonly id: string; readonly text: string }>, settings: Bm25Settings = {}) {
    const { k1 = 0.9, b = 0.4 } = settings;
    const lengths: number[] = [];
    const growing = new Map<string, number[]>();
    for (const { id, text } of documents) {
      const document = this.#ids.length;
      this.#ids.push(id);
      this.#positions.set(id, document);
      const terms = this.#analyzer.terms(text);
      lengths.push(terms.length);
      for (const [term, frequency] of countTerms(terms)) {
        const pairs = growing.get(term);
        if (pairs) pairs.push(document, frequency);
        else growing.set(term, [document, frequency]);
      }
    }
    for (const [term, pairs] of growing) this.#postings.set(term, toPosting(pairs));
    const meanLength = lengths.reduce((sum, length) => sum + length, 0) / Math.max(1, lengths.length) || 1;
    this.#saturation = Float64Array.from(lengths, (length) => k1 * (1 - b + (b * length) / meanLength));
  }

  /** How many documents there are. */
  get size(): number {
    return this.#ids.length;
  }

  /** The k best documents that share a term with the query, best first. */
  search(query: string, k: number, accepts: (id: string) => boolean = () => true): ScoredDocument[] {
    const scores = this.#scores(query);
    const found: number[] = [];
    for (let document = 0; document < scores.length; document++) {
      if (scores[document]! > 0 && accepts(this.#ids[document]!)) found.push(document);
    }
    found.sort((a, b) => scores[b]! - scores[a]! || a - b);
    return found.slice(0, k).map((document) => ({ id: this.#ids[document]!, score: scores[document]! }));
  }

  /** Score of one document for a query; 0 when they share no term, `undefined` when the document is not there. */
  score(query: string, id: string): number | undefined {
    const document = this.#positions.get(id);
    return document === undefined ? undefined : this.#scores(query)[document]!;
  }

  #scores(query: string): Float64Array {
    const scores = new Float64Array(this.#ids.length);
    for (const [term, count] of countTerms(this.#analyzer.terms(query))) {
      const posting = this.#postings.get(term);
      if (!posting) continue;
      const { documents, frequencies } = posting;
      const idf = Math.log(1 + (scores.length - documents.length + 0.5) / (documents.length + 0.5));
      for (let index = 0; index < documents.length; index++) {
        const document = documents[index]!;
        const frequency = frequencies[index]!;
        scores[document]! += (count * idf * frequency) / (frequency + this.#saturation[document]!);
      }
    }
    return scores;
  }
}

function countTerms(terms: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const term of terms) counts.set(term, (counts.get(term) ?? 0) + 1);
  return counts;
}

/** @param pairs document, frequency, document, frequency, ... */
function toPosting(pairs: readonly number[]): Posting {
  const documents = new Uint32Array(pairs.length / 2);
  const frequencies = new Uint32Array(pairs.length / 2);
  for (let index = 0; index < documents.length; index++) {
    documents[index] = pairs[2 * index]!;
    frequencies[index] = pairs[2 * index + 1]!;
  }
  return { documents, frequencies };
}
