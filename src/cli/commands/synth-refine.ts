import { loadBeir, type RetrievalSet } from '../../search/index.js';
import {
  candidatesPath,
  inOutputFolder,
  type RefineReport,
  readCandidates,
  refineCandidates,
} from '../../synth/index.js';
import type { CliContext } from '../context.js';
import { formatCount, formatScore } from '../format.js';
import { type MembersOptions, withMembers } from './synth-members.js';

export interface SynthRefineOptions extends MembersOptions {
  readonly output: string;
  readonly split: string;
  readonly limit?: number;
  readonly vote: 'soft' | 'hard';
  readonly together?: boolean;
  readonly json?: boolean;
}

/** Lets a committee choose among the candidates. */
export async function synthRefineCommand(
  context: CliContext,
  folder: string,
  options: SynthRefineOptions,
): Promise<void> {
  const { output, split, json } = options;
  const set = await loadBeir(folder, split);
  await inOutputFolder(output, async () => {
    const report = await runRefine(context, set, options);
    if (json) context.stdout.write(`${JSON.stringify({ output, ...report })}\n`);
    else context.stdout.write(`${output}: ${describeRefined(report)}\n`);
  });
}

/** The stage itself, with its progress shown. */
export async function runRefine(
  context: CliContext,
  set: RetrievalSet,
  options: Omit<SynthRefineOptions, 'split'>,
): Promise<RefineReport> {
  const { output, limit, vote, together } = options;
  const candidates = (await readCandidates(candidatesPath(output))).slice(0, limit);
  const { signal } = context;
  return withMembers(context, options.member, options, (members, onProgress) =>
    refineCandidates({ set, candidates, members, output, vote, together, signal, onProgress }),
  );
}

export function describeRefined({ queries, wins, agreement, rejected }: RefineReport): string {
  const won = wins.map((count, i) => `candidate ${i + 1} ${formatCount(count)}`).join(', ');
  const pairs = agreement.map(({ a, b, share }) => `${a} and ${b} ${formatScore(share)}`);
  const alike = pairs.length === 0 ? '' : ` Choose alike: ${pairs.join(', ')}.`;
  return `${formatCount(queries)} queries refined, ${formatCount(rejected.length)} rejected. Won: ${won}.${alike}`;
}
