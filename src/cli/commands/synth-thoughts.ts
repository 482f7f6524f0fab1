import { loadBeir, type RetrievalSet, type TokenCounter } from '../../search/index.js';
import { type CandidatesReport, exploreThoughts, importCandidates, inOutputFolder } from '../../synth/index.js';
import type { CliContext } from '../context.js';
import { formatCount, formatScore, plural } from '../format.js';
import { counted, startTask } from '../progress.js';
import { describeTotals, type Expert, type ExpertOptions, loadTokenCounter, withExpert } from './synth-expert.js';

export interface SynthThoughtsOptions extends ExpertOptions {
  readonly output: string;
  readonly split: string;
  readonly limit?: number;
  readonly candidates?: string;
  readonly thoughts: number;
  readonly examples: number;
  readonly task?: string;
  readonly maxTokens: number;
  readonly temperature: number;
}

/** Writes candidate thoughts about the queries of a set, or imports them. */
export async function synthThoughtsCommand(
  context: CliContext,
  folder: string,
  options: SynthThoughtsOptions,
): Promise<void> {
  const { output, split, json, candidates } = options;
  const set = await loadBeir(folder, split);
  const countTokens = await loadTokenCounter(context, options);
  await inOutputFolder(output, async () => {
    if (candidates !== undefined) {
      const report = await runImport(set, { ...options, candidates }, countTokens);
      if (json) context.stdout.write(`${JSON.stringify({ output, ...report })}\n`);
      else context.stdout.write(`${output}: ${describeCandidates(report)}\n`);
      return;
    }
    await withExpert(context, options, async (expert) => {
      const report = await runThoughts(context, set, options, expert, countTokens);
      const { totals } = expert.model;
      if (json) context.stdout.write(`${JSON.stringify({ output, ...report, run: totals })}\n`);
      else context.stdout.write(`${output}: ${describeCandidates(report)}\n${describeTotals(totals)}\n`);
    });
  });
}

/** Takes thoughts that were written elsewhere. */
export function runImport(
  set: RetrievalSet,
  options: Pick<SynthThoughtsOptions, 'output' | 'limit' | 'maxTokens'> & { readonly candidates: string },
  countTokens: TokenCounter,
): Promise<CandidatesReport> {
  const { candidates: file, output, limit, maxTokens } = options;
  return importCandidates({ file, set, output, limit, maxTokens, countTokens });
}

/** The stage itself, with its progress shown. */
export async function runThoughts(
  context: CliContext,
  set: RetrievalSet,
  options: SynthThoughtsOptions,
  expert: Expert,
  countTokens: TokenCounter,
): Promise<CandidatesReport> {
  const { output, limit, thoughts, examples, task, maxTokens, temperature, seed } = options;
  const progress = startTask(context.stderr, 'writing thoughts', counted('answers'));
  try {
    return await exploreThoughts({
      ...expert,
      set,
      output,
      limit,
      countTokens,
      candidates: thoughts,
      examples,
      task,
      maxTokens,
      temperature,
      seed,
      signal: context.signal,
      onProgress: ({ done, total, asked }) => progress.update({ done, total, worked: asked }),
    });
  } finally {
    progress.stop();
  }
}

export function describeCandidates({ queries, thoughts, cut, rejected, diversity }: CandidatesReport): string {
  const spread = diversity
    ? ` Diversity: word distance ${formatScore(diversity.jaccardDistance)}, distinct-2 ${formatScore(diversity.distinct2)}.`
    : '';
  const shares = `${formatCount(cut)} cut to length, ${formatCount(rejected.length)} rejected`;
  return `${plural(thoughts, 'thought')} about ${plural(queries, 'query', 'queries')}, ${shares}.${spread}`;
}
