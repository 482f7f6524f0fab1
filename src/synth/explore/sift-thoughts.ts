import { crashPoint } from '../../crash-point.js';
import type { TokenCounter } from '../../search/index.js';
import type { StageUsage } from '../ask/usage.js';
import { type Candidates, writeCandidates } from '../candidates.js';
import { cutToTokens } from '../cut-text.js';
import { type Rejected, writeStage } from '../manifest.js';
import { type Diversity, meanDiversity } from './diversity.js';

export interface CandidatesReport {
  readonly queries: number;
  readonly thoughts: number;
  /** Thoughts that were too long. */
  readonly cut: number;
  readonly rejected: readonly Rejected[];
  /** `undefined` where no query has two candidates. */
  readonly diversity: Diversity | undefined;
  readonly usage?: StageUsage;
}

/** A candidate as it came: a text, or what kept it from coming. */
export type RawThought = { readonly text: string; readonly broken?: boolean } | { readonly failed: string };

export interface SiftedThoughts {
  readonly candidates: Candidates;
  readonly cut: number;
  readonly rejected: readonly Rejected[];
}

/** Cuts candidates to length, and rejects those that are empty, repeat another one, or only repeat the query. */
export function siftThoughts(
  query: { readonly id: string; readonly text: string },
  raw: readonly RawThought[],
  limit: number,
  countTokens: TokenCounter,
): SiftedThoughts {
  const kept: { text: string; tokens: number }[] = [];
  const rejected: Rejected[] = [];
  let cut = 0;
  for (const [what, thought] of raw.entries()) {
    const reject = (reason: string, text?: string) =>
      rejected.push({ id: query.id, what, reason, ...(text === undefined ? {} : { text }) });
    if ('failed' in thought) {
      reject(thought.failed);
      continue;
    }
    const shortened = cutToTokens(thought.text, limit, countTokens, { broken: thought.broken ?? false });
    const same = (text: string) => text.toLowerCase() === shortened.text.toLowerCase();
    if (shortened.text === '') reject('empty');
    else if (same(query.text.trim())) reject('repeats the query', shortened.text);
    else if (kept.some(({ text }) => same(text))) reject('repeats another candidate', shortened.text);
    else {
      kept.push(shortened);
      if (shortened.cut) cut++;
    }
  }
  const candidates = { id: query.id, thoughts: kept.map(({ text }) => text), tokens: kept.map(({ tokens }) => tokens) };
  return { candidates, cut, rejected };
}

/** Writes `candidates.jsonl` and the manifest's record, and sums up. */
export async function finishCandidates(
  output: string,
  sifted: readonly SiftedThoughts[],
  source: { readonly model: string; readonly record: Record<string, unknown>; readonly usage?: StageUsage },
): Promise<CandidatesReport> {
  const { model, record, usage } = source;
  const candidates = sifted.map((one) => ({ ...one.candidates, model })).filter(({ thoughts }) => thoughts.length > 0);
  const report: CandidatesReport = {
    queries: candidates.length,
    thoughts: candidates.reduce((sum, { thoughts }) => sum + thoughts.length, 0),
    cut: sifted.reduce((sum, one) => sum + one.cut, 0),
    rejected: sifted.flatMap((one) => one.rejected),
    diversity: meanDiversity(candidates.map(({ thoughts }) => thoughts)),
    ...(usage ? { usage } : {}),
  };
  crashPoint('synth-candidates');
  await writeCandidates(output, candidates);
  crashPoint('synth-manifest');
  await writeStage(output, 'thoughts', { model, ...record, ...report });
  return report;
}
