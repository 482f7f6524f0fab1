import { join } from 'node:path';
import { InvalidInputError } from '../../errors.js';
import { loadBeir } from '../../search/index.js';
import { inOutputFolder } from '../../synth/index.js';
import type { CliContext } from '../context.js';
import { hasQueries } from '../source.js';
import { describeTotals, type Expert, loadTokenCounter, withExpert } from './synth-expert.js';
import { describeNegatives, runNegatives, type SynthNegativesOptions } from './synth-negatives.js';
import { describeQueries, runQueries, type SynthQueriesOptions } from './synth-queries.js';
import { describeRefined, runRefine, type SynthRefineOptions } from './synth-refine.js';
import { runReport } from './synth-report.js';
import { describeCandidates, runImport, runThoughts, type SynthThoughtsOptions } from './synth-thoughts.js';

export type SynthAllOptions = SynthQueriesOptions & SynthThoughtsOptions & SynthRefineOptions & SynthNegativesOptions;

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
    // Where queries were written, the limit was one of documents.
    const rest: SynthAllOptions = folder === output ? withoutLimit(options) : options;
    const report = candidates
      ? await runImport(set, { ...rest, candidates }, countTokens)
      : await runThoughts(context, set, rest, expert!, countTokens);
    say('thoughts', report, describeCandidates(report));
    if (expert) say('asked', expert.model.totals, describeTotals(expert.model.totals));
    const refined = await runRefine(context, set, rest);
    say('refine', refined, describeRefined(refined));
    const negatives = await runNegatives(context, set, rest);
    say('negatives', negatives, describeNegatives(negatives));
    const { report: path } = await runReport(context, output, { split, seed: options.seed, set: folder, samples: 20 });
    say('report', path, path);
  };
  await inOutputFolder(output, () =>
    candidates !== undefined && hasQueries(source) ? explore(undefined) : withExpert(context, options, explore),
  );
  if (json) context.stdout.write(`${JSON.stringify(summary)}\n`);
}

function withoutLimit({ limit: _, ...rest }: SynthAllOptions): SynthAllOptions {
  return rest;
}
