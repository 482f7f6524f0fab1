import { loadBeir, type RetrievalSet } from '../../search/index.js';
import { inOutputFolder, mineNegatives, type NegativesReport } from '../../synth/index.js';
import type { CliContext } from '../context.js';
import { formatCount, plural } from '../format.js';
import { type MembersOptions, withMembers } from './synth-members.js';

export interface SynthNegativesOptions extends MembersOptions {
  readonly output: string;
  readonly split: string;
  readonly limit?: number;
  readonly negatives: number;
  readonly firstRank: number;
  readonly lastRank: number;
  readonly nearShare: number;
  readonly pick: 'sample' | 'top';
  readonly seed: number;
  readonly json?: boolean;
}

/** Lets a committee find hard negatives for the queries of a set. */
export async function synthNegativesCommand(
  context: CliContext,
  folder: string,
  options: SynthNegativesOptions,
): Promise<void> {
  const { output, split, json } = options;
  const set = await loadBeir(folder, split);
  await inOutputFolder(output, async () => {
    const report = await runNegatives(context, set, options);
    if (json) context.stdout.write(`${JSON.stringify({ output, ...report })}\n`);
    else context.stdout.write(`${output}: ${describeNegatives(report)}\n`);
  });
}

/** The stage itself, with its progress shown. */
export function runNegatives(
  context: CliContext,
  set: RetrievalSet,
  options: Omit<SynthNegativesOptions, 'split'>,
): Promise<NegativesReport> {
  const { output, limit, negatives: count, firstRank, lastRank, nearShare: share, pick, seed } = options;
  const { signal } = context;
  const ranks = [firstRank, lastRank] as const;
  return withMembers(context, options.member, options, (members, onProgress) =>
    mineNegatives({ set, members, output, limit, count, ranks, share, pick, seed, signal, onProgress }),
  );
}

export function describeNegatives({ queries, negatives, nearPositives, short, rejected }: NegativesReport): string {
  const left = `${formatCount(nearPositives)} near-positives left out`;
  const few = short === 0 ? '' : `, ${formatCount(short)} with fewer than asked for`;
  return `${plural(negatives, 'hard negative')} for ${formatCount(queries)} queries${few}, ${left}, ${formatCount(rejected.length)} rejected.`;
}
