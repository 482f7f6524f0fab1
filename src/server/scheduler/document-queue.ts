import { onAbort } from '../on-abort.js';
import type { DocumentInput, ServiceDocumentOptions } from '../service.js';

/** `<doc>` and `<emb>` around a document's tokens. */
const MARKS = 2;

export interface DocumentQueueSettings {
  /** The text of a document and how many tokens are read of it. It takes time, so it is asked for little by little. */
  readonly prepare: (document: DocumentInput) => PreparedDocument;
  /** Called whenever a job is finished. */
  readonly onAnswer: () => void;
}

export interface PreparedDocument {
  readonly text: string;
  readonly tokens: number;
}

interface DocumentJob {
  readonly documents: readonly DocumentInput[];
  /** Made when a document's turn comes near. */
  readonly prepared: (PreparedDocument | undefined)[];
  /** Indices of documents not yet taken, shortest first: those of like length need little padding. */
  readonly order: number[];
  readonly vectors: Float32Array[];
  readonly onProgress: ServiceDocumentOptions['onProgress'];
  readonly resolve: (vectors: Float32Array[]) => void;
  readonly reject: (error: unknown) => void;
  stopListening: () => void;
  done: number;
  tokensRead: number;
  /** A run with it and others broke: from then on it has its own, so that only the one fails that is to blame. */
  alone: boolean;
}

interface Taken {
  readonly job: DocumentJob;
  readonly i: number;
}

/** Documents that make one run of the model. */
export interface Chunk {
  readonly texts: readonly string[];
  /** Hands the vectors, in the texts' order, to the jobs that wait for them. */
  finish(vectors: readonly Float32Array[]): void;
  /** The run broke: its job fails, and of several jobs each is tried again alone. */
  fail(error: unknown): void;
}

/** Documents waiting to be embedded. They leave in chunks, to which all jobs contribute in turn. */
export class DocumentQueue {
  readonly #settings: DocumentQueueSettings;
  /** Jobs with documents that wait; the first one contributes first. */
  #waiting: DocumentJob[] = [];
  readonly #open = new Set<DocumentJob>();

  constructor(settings: DocumentQueueSettings) {
    this.#settings = settings;
  }

  /** Jobs that are not finished. */
  get jobs(): number {
    return this.#open.size;
  }

  /** Whether there are documents to take. */
  get hasWork(): boolean {
    return this.#waiting.length > 0;
  }

  add(documents: readonly DocumentInput[], { signal, onProgress }: ServiceDocumentOptions): Promise<Float32Array[]> {
    return new Promise((resolve, reject) => {
      const order = [...documents.keys()].sort((a, b) => documents[a]!.length - documents[b]!.length || a - b);
      const prepared = new Array<PreparedDocument | undefined>(documents.length);
      const vectors = new Array<Float32Array>(documents.length);
      const stopListening = onAbort(signal, (reason) => this.#fail(job, reason));
      const job: DocumentJob = {
        ...{ documents, prepared, order, vectors, onProgress, resolve, reject, stopListening },
        ...{ done: 0, tokensRead: 0, alone: false },
      };
      this.#open.add(job);
      this.#waiting.push(job);
    });
  }

  /** The next documents whose padded size is at most `maxTokens`; one that is longer goes alone. May be none. */
  take(maxTokens: number): Chunk {
    const taken: Taken[] = [];
    let longest = 0;
    for (const job of [...this.#waiting]) {
      if (taken.length > 0 && (job.alone || taken[0]!.job.alone)) continue;
      for (let next = this.#next(job); next; next = this.#next(job)) {
        const width = Math.max(longest, next.tokens + MARKS);
        if (taken.length > 0 && (taken.length + 1) * width > maxTokens) break;
        longest = width;
        taken.push({ job, i: job.order.shift()! });
      }
    }
    // The job that came first goes to the end, so that a large one does not keep the others waiting.
    const [first, ...others] = this.#waiting;
    this.#waiting = [...others, ...(first ? [first] : [])].filter(({ order }) => order.length > 0);
    return {
      texts: taken.map(({ job, i }) => job.prepared[i]!.text),
      finish: (vectors) => this.#finish(taken, vectors),
      fail: (error) => {
        const jobs = new Set(taken.map(({ job }) => job));
        for (const job of jobs) {
          if (jobs.size === 1) this.#fail(job, error);
          else this.#putBack(job, taken);
        }
      },
    };
  }

  /** A job's next document; `undefined` where there is none, and where the document is wrong, with which its job fails. */
  #next(job: DocumentJob): PreparedDocument | undefined {
    const [i] = job.order;
    if (i === undefined || !this.#open.has(job)) return undefined;
    try {
      job.prepared[i] ??= this.#settings.prepare(job.documents[i]!);
    } catch (error) {
      this.#fail(job, error);
    }
    return job.prepared[i];
  }

  #finish(taken: readonly Taken[], vectors: readonly Float32Array[]): void {
    for (const [n, { job, i }] of taken.entries()) {
      job.vectors[i] = vectors[n]!;
      job.done++;
      job.tokensRead += job.prepared[i]!.tokens;
    }
    for (const job of new Set(taken.map(({ job }) => job))) this.#report(job);
  }

  #putBack(job: DocumentJob, taken: readonly Taken[]): void {
    // Its caller may have gone.
    if (!this.#open.has(job)) return;
    job.alone = true;
    job.order.unshift(...taken.filter((one) => one.job === job).map(({ i }) => i));
    if (!this.#waiting.includes(job)) this.#waiting.push(job);
  }

  failAll(error: unknown): void {
    for (const job of [...this.#open]) this.#fail(job, error);
  }

  #report(job: DocumentJob): void {
    if (!this.#open.has(job)) return;
    const { done, tokensRead: tokens, documents } = job;
    job.onProgress?.({ done, total: documents.length, tokens });
    if (done < documents.length) return;
    this.#open.delete(job);
    job.stopListening();
    job.resolve(job.vectors);
    this.#settings.onAnswer();
  }

  #fail(job: DocumentJob, error: unknown): void {
    this.#open.delete(job);
    this.#waiting = this.#waiting.filter((other) => other !== job);
    job.stopListening();
    job.reject(error);
  }
}
