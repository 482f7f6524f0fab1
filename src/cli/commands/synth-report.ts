import { loadBeir, type RetrievalSet } from '../../search/index.js';
import { inOutputFolder, type Judgement, judgeChoice, readRefined, writeSynthReport } from '../../synth/index.js';
import type { CliContext } from '../context.js';
import { type MemberAccessOptions, withMember } from './synth-members.js';

export interface SynthReportOptions extends MemberAccessOptions {
  readonly set?: string;
  readonly split: string;
  readonly samples: number;
  readonly judge?: string;
  readonly seed: number;
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
  const judgement = await judgeCommittee(context, folder, set, judge, options);
  const report = await writeSynthReport(folder, { set, samples, seed, judgement: { judge, ...judgement } });
  return { report, judgement };
}

/** Ranks the corpus for each query with each way of choosing its thought. */
const judgeCommittee = (
  context: CliContext,
  output: string,
  set: RetrievalSet,
  name: string,
  options: MemberAccessOptions,
): Promise<Judgement> =>
  withMember(context, name, options, async (judge, onProgress) => {
    const refined = [...(await readRefined(output)).values()];
    return judgeChoice({ set, refined, judge, output, signal: context.signal, onProgress });
  });
