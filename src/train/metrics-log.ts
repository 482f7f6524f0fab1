import { existsSync } from 'node:fs';
import { appendFile, readFile } from 'node:fs/promises';
import { writeAtomically } from '../write-atomically.js';

/** One step of training. */
export interface StepRecord {
  readonly type: 'step';
  /** Counted from 1 over all stages. */
  readonly step: number;
  readonly stage: string;
  /** Name of the data set. */
  readonly set: string;
  readonly loss: number;
  /** InfoNCE of the instant vectors. */
  readonly instant: number;
  /** InfoNCE of the thought vectors; absent without any. */
  readonly thought?: number;
  /** Cross-entropy of cloned thoughts; absent without any. */
  readonly generation?: number;
  /** Divergence from the committee's scores; absent where they are not learnt. */
  readonly distillation?: number;
  /** Cross-entropy of documents that were read; absent without any. */
  readonly corpus?: number;
  readonly gradientNorm: number;
  readonly learningRate: number;
  /** Tokens read in this step. */
  readonly tokens: number;
  readonly seconds: number;
}

/** One validation, after a step. */
export interface ValidationRecord {
  readonly type: 'validation';
  readonly step: number;
  readonly stage: string;
  /** nDCG@10 of the instant vectors, mean over sets. */
  readonly instantNdcg10: number;
  /** The same of each set. */
  readonly sets: Readonly<Record<string, number>>;
  readonly seconds: number;
}

/** Own thoughts written before a stage. */
export interface ThoughtsRecord {
  readonly type: 'thoughts';
  readonly step: number;
  readonly stage: string;
  readonly queries: number;
  /** Tokens of a thought, on average. */
  readonly meanTokens: number;
  readonly seconds: number;
}

/** A way to embed the development splits' queries, tried with the saved adapter. */
export interface ThinkingRecord {
  readonly type: 'thinking';
  readonly step: number;
  readonly stage: string;
  /** 0 is the instant vector. */
  readonly thoughts: number;
  readonly temperature: number;
  readonly maxTokens?: number | undefined;
  /** The best share of the instant vector in the final one. */
  readonly instantWeight: number;
  readonly ndcg10: number;
  readonly seconds: number;
}

export type MetricsRecord = StepRecord | ValidationRecord | ThoughtsRecord | ThinkingRecord;

/** The run's figures, one JSON object a line, appended as they come. */
export class MetricsLog {
  readonly path: string;
  readonly #known: Set<string>;

  private constructor(path: string, records: readonly MetricsRecord[]) {
    this.path = path;
    this.#known = new Set(records.map(keyOf));
  }

  /** Opens the file and drops what came after a step: a resumed run does it again. */
  static async open(path: string, step: number): Promise<MetricsLog> {
    const kept = (await readMetrics(path)).filter((record) => record.step <= step);
    await writeAtomically(path, kept.map((record) => `${JSON.stringify(record)}\n`).join(''));
    return new MetricsLog(path, kept);
  }

  /** Adds a record, unless it stands there already: a resumed run may validate once more where it was stopped. */
  async append(record: MetricsRecord): Promise<void> {
    const key = keyOf(record);
    if (this.#known.has(key)) return;
    await appendFile(this.path, `${JSON.stringify(record)}\n`);
    this.#known.add(key);
  }
}

const keyOf = (record: MetricsRecord) => {
  const { type, step, stage } = record;
  return `${type} ${step} ${stage}${type === 'thinking' ? ` ${record.thoughts} ${record.temperature} ${record.maxTokens}` : ''}`;
};

/** All whole lines of the file, none where there is no file. */
export async function readMetrics(path: string): Promise<MetricsRecord[]> {
  if (!existsSync(path)) return [];
  const lines = (await readFile(path, 'utf8')).split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as MetricsRecord);
}
