import type { TokenCounter } from '../../search/index.js';
import { inOutputFolder, type QueriesReport, synthesiseQueries } from '../../synth/index.js';
import type { CliContext } from '../context.js';
import { formatCount, plural } from '../format.js';
import { counted, startTask } from '../progress.js';
import { collect, readSource } from '../source.js';
import { describeTotals, type Expert, type ExpertOptions, loadTokenCounter, withExpert } from './synth-expert.js';
import { type MemberAccessOptions, withMember } from './synth-members.js';

export interface SynthQueriesOptions extends ExpertOptions, MemberAccessOptions {
  readonly output: string;
  readonly limit?: number;
  readonly roundTrip: string;
  readonly top: number;
  readonly dev: number;
  readonly test: number;
  readonly temperature: number;
}

/** Writes queries for the documents of a source. */
export async function synthQueriesCommand(
  context: CliContext,
  source: string,
  options: SynthQueriesOptions,
): Promise<void> {
  const { output, json } = options;
  const countTokens = await loadTokenCounter(context, options);
  await inOutputFolder(output, () =>
    withExpert(context, options, async (expert) => {
      const report = await runQueries(context, source, options, expert, countTokens);
      const { totals } = expert.model;
      if (json) context.stdout.write(`${JSON.stringify({ output, ...report, run: totals })}\n`);
      else context.stdout.write(`${output}: ${describeQueries(report)}\n${describeTotals(totals)}\n`);
    }),
  );
}

/** The stage itself, with its progress shown. */
export async function runQueries(
  context: CliContext,
  source: string,
  options: SynthQueriesOptions,
  expert: Expert,
  countTokens: TokenCounter,
): Promise<QueriesReport> {
  const { output, limit, dev, test, temperature, seed } = options;
  const documents = await collect(await readSource(source, { countTokens }));
  return withMember(context, options.roundTrip, options, async (member, onProgress) => {
    const task = startTask(context.stderr, 'writing queries', counted('answers'));
    try {
      return await synthesiseQueries({
        ...expert,
        documents,
        output,
        countTokens,
        temperature,
        seed,
        sample: limit,
        roundTrip: { member, top: options.top, onProgress },
        shares: { dev, test },
        signal: context.signal,
        onProgress: ({ done, total, asked }) => task.update({ done, total, worked: asked }),
      });
    } finally {
      task.stop();
    }
  });
}

export function describeQueries({ queries, sampled, documents, splits, rejected }: QueriesReport): string {
  const { train, dev, test } = splits;
  return `${plural(queries, 'query', 'queries')} for ${formatCount(sampled)} of ${plural(documents, 'document')} (train ${formatCount(train)}, dev ${formatCount(dev)}, test ${formatCount(test)}), ${formatCount(rejected.length)} rejected.`;
}
