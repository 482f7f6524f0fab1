import { InvalidInputError } from '../../errors.js';
import { loadBeir, type RetrievalSet } from '../../search/index.js';
import {
  inOutputFolder,
  type Judgement,
  judgeChoice,
  parseMembers,
  readRefined,
  writeSynthReport,
} from '../../synth/index.js';
import type { CliContext } from '../context.js';
import { fetchReporter } from '../load-embedder.js';
import { counted, startTask } from '../progress.js';

export interface SynthReportOptions {
  readonly set?: string;
  readonly split: string;
  readonly samples: number;
  readonly judge?: string;
  readonly seed: number;
  readonly offline?: boolean;
  readonly json?: boolean;
}

/** Writes the page about an output folder. */
export async function synthReportCommand(
  context: CliContext,
  folder: string,
  options: SynthReportOptions,
): Promise<void> {
  const report = await inOutputFolder(folder, () => runReport(context, folder, options));
  context.stdout.write(options.json ? `${JSON.stringify(report)}\n` : `${report.report}\n`);
}

/** @returns where the page is, and what the judge found. */
export async function runReport(
  context: CliContext,
  folder: string,
  options: SynthReportOptions,
): Promise<{ readonly report: string; readonly judgement?: Judgement }> {
  const { split, samples, seed, judge } = options;
  const set = await loadBeir(options.set ?? folder, split);
  if (judge === undefined) return { report: await writeSynthReport(folder, { set, samples, seed }) };
  const judgement = await judgeCommittee(context, folder, set, judge, options.offline);
  const report = await writeSynthReport(folder, { set, samples, seed, judgement: { encoder: judge, ...judgement } });
  return { report, judgement };
}

/** Ranks the corpus for each query with each way of choosing its thought. */
async function judgeCommittee(
  context: CliContext,
  output: string,
  set: RetrievalSet,
  judge: string,
  offline: boolean | undefined,
): Promise<Judgement> {
  const { signal } = context;
  const fetching = fetchReporter(context.stderr);
  const loadSelf = () => context.loadEmbedder({ offline, signal });
  const [member] = parseMembers([judge], { loadSelf, offline, onFetch: fetching.onProgress });
  const task = startTask(context.stderr, 'judging', counted('texts'));
  if (member?.kind !== 'dense') {
    throw new InvalidInputError(`--judge: expected a dense retriever, such as encoder:<model>, found "${judge}".`);
  }
  try {
    const encoder = await member.load({ signal });
    try {
      const refined = [...(await readRefined(output)).values()];
      return await judgeChoice({ set, refined, encoder, output, signal, onProgress: (done) => task.update(done) });
    } finally {
      await encoder.close();
    }
  } finally {
    task.stop();
    fetching.stop();
  }
}
