import { onAbort } from '../on-abort.js';
import type { ServiceDocumentOptions } from '../service.js';

/** `<doc>` and `<emb>` around a document's tokens. */
const MARKS = 2;

interface DocumentJob {
  readonly texts: readonly string[];
  /** Tokens of each text, counted when its turn comes near. */
  readonly tokens: (number | undefined)[];
  /** Indices of texts not yet taken, shortest first: texts of like length need little padding. */
  readonly order: number[];
  readonly vectors: Float32Array[];
  readonly onProgress: ServiceDocumentOptions['onProgress'];
  readonly resolve: (vectors: Float32Array[]) => void;
  readonly reject: (error: unknown) => void;
  stopListening: () => void;
  done: number;
  tokensRead: number;
}

/** Documents that make one run of the model. */
export interface Chunk {
  readonly texts: readonly string[];
  /** Hands the vectors, in the texts' order, to the jobs that wait for them. */
  finish(vectors: readonly Float32Array[]): void;
  fail(error: unknown): void;
}

/** Documents waiting to be embedded. They leave in chunks, to which all jobs contribute in turn. */
export class DocumentQueue {
  readonly #countTokens: (text: string) => number;
  /** Jobs with texts that wait; the first one contributes first. */
  #waiting: DocumentJob[] = [];
  readonly #open = new Set<DocumentJob>();

  /** @param countTokens of a text that is to be embedded as it is. It takes time, so it is asked for little by little. */
  constructor(countTokens: (text: string) => number) {
    this.#countTokens = countTokens;
  }

  /** Jobs that are not finished. */
  get jobs(): number {
    return this.#open.size;
  }

  /** Whether there are documents to take. */
  get hasWork(): boolean {
    return this.#waiting.length > 0;
  }

  add(texts: readonly string[], { signal, onProgress }: ServiceDocumentOptions): Promise<Float32Array[]> {
    return new Promise((resolve, reject) => {
      const order = [...texts.keys()].sort((a, b) => texts[a]!.length - texts[b]!.length || a - b);
      const tokens = new Array<number | undefined>(texts.length);
      const vectors = new Array<Float32Array>(texts.length);
      const stopListening = onAbort(signal, (reason) => this.#fail(job, reason));
      const job: DocumentJob = {
        ...{ texts, tokens, order, vectors, onProgress, resolve, reject, stopListening },
        done: 0,
        tokensRead: 0,
      };
      this.#open.add(job);
      this.#waiting.push(job);
    });
  }

  /** The next documents whose padded size is at most `maxTokens`; one that is longer goes alone. */
  take(maxTokens: number): Chunk {
    const taken: { job: DocumentJob; i: number }[] = [];
    let longest = 0;
    for (const job of this.#waiting) {
      while (job.order.length > 0) {
        const i = job.order[0]!;
        job.tokens[i] ??= this.#countTokens(job.texts[i]!);
        const width = Math.max(longest, job.tokens[i]! + MARKS);
        if (taken.length > 0 && (taken.length + 1) * width > maxTokens) break;
        longest = width;
        taken.push({ job, i: job.order.shift()! });
      }
    }
    // The job that came first goes to the end, so that a large one does not keep the others waiting.
    const [first, ...others] = this.#waiting;
    this.#waiting = [...others, first!].filter(({ order }) => order.length > 0);
    return {
      texts: taken.map(({ job, i }) => job.texts[i]!),
      finish: (vectors) => {
        for (const [n, { job, i }] of taken.entries()) {
          job.vectors[i] = vectors[n]!;
          job.done++;
          job.tokensRead += job.tokens[i]!;
        }
        for (const job of new Set(taken.map(({ job }) => job))) this.#report(job);
      },
      fail: (error) => {
        for (const { job } of taken) this.#fail(job, error);
      },
    };
  }

  failAll(error: unknown): void {
    for (const job of [...this.#open]) this.#fail(job, error);
  }

  #report(job: DocumentJob): void {
    if (!this.#open.has(job)) return;
    const { done, tokensRead: tokens, texts } = job;
    job.onProgress?.({ done, total: texts.length, tokens });
    if (done < texts.length) return;
    this.#open.delete(job);
    job.stopListening();
    job.resolve(job.vectors);
  }

  #fail(job: DocumentJob, error: unknown): void {
    this.#open.delete(job);
    this.#waiting = this.#waiting.filter((other) => other !== job);
    job.stopListening();
    job.reject(error);
  }
}
