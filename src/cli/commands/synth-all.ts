import { join } from 'node:path';
import { InvalidInputError } from '../../errors.js';
import { loadBeir } from '../../search/index.js';
import { inOutputFolder } from '../../synth/index.js';
import type { CliContext } from '../context.js';
import { describeTotals, type Expert, loadTokenCounter, withExpert } from './synth-expert.js';
import { describeQueries, runQueries, type SynthQueriesOptions } from './synth-queries.js';
import { runReport } from './synth-report.js';
import { hasQueries } from './synth-source.js';
import { describeCandidates, runImport, runThoughts, type SynthThoughtsOptions } from './synth-thoughts.js';

export type SynthAllOptions = SynthQueriesOptions & SynthThoughtsOptions;

/** Runs all stages; each goes on from where it stands. */
export async function synthAllCommand(context: CliContext, source: string, options: SynthAllOptions): Promise<void> {
  const { output, split, candidates, json } = options;
  const countTokens = await loadTokenCounter(context, options);
  const summary: Record<string, unknown> = { output };
  const say = (name: string, report: unknown, words: string) => {
    summary[name] = report;
    if (!json) context.stdout.write(`${name}: ${words}\n`);
  };
  const explore = async (expert: Expert | undefined) => {
    let folder = source;
    if (!hasQueries(source)) {
      folder = output;
      const report = await runQueries(context, source, options, expert!, countTokens);
      say('queries', report, describeQueries(report));
      if (report.splits.train === 0) {
        throw new InvalidInputError('no query of the train split has found its document again.', {
          where: join(output, 'manifest.json'),
          hint: 'See the rejected ones there. Take more documents, a larger --top, or a better expert.',
        });
      }
    }
    const set = await loadBeir(folder, split);
    const report = candidates
      ? await runImport(set, { ...options, candidates }, countTokens)
      : await runThoughts(context, set, options, expert!, countTokens);
    say('thoughts', report, describeCandidates(report));
    if (expert) say('asked', expert.model.totals, describeTotals(expert.model.totals));
    const path = await runReport(output, { ...options, set: folder, samples: 20 });
    say('report', path, path);
  };
  await inOutputFolder(output, () =>
    candidates !== undefined && hasQueries(source) ? explore(undefined) : withExpert(context, options, explore),
  );
  if (json) context.stdout.write(`${JSON.stringify(summary)}\n`);
}
