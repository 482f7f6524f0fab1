import type { Evaluation, O1Summary } from '../result.js';
import { describeEqualCost, describeSet, sliceTable } from './format.js';

/** The tables of an evaluation as Markdown. */
export function evaluationMarkdown(evaluation: Evaluation): string {
  const { sets, measures, skipped } = evaluation;
  const parts = ['# Evaluation', ...describeRun(evaluation)];
  for (const set of sets) {
    parts.push(`## ${set.name}`, ...describeSet(set));
    for (const slice of set.slices) {
      parts.push(`### ${slice.name} (${slice.queries} queries)`, table(sliceTable(slice, measures)));
      const cost = describeEqualCost(slice);
      if (cost) parts.push(cost);
    }
  }
  if (skipped.length > 0) {
    parts.push('## Not measured', skipped.map(({ what, why }) => `- ${what}: ${why}`).join('\n'));
  }
  return `${parts.join('\n\n')}\n`;
}

/** What was measured, on what, and what the numbers mean. */
export function describeRun(evaluation: Evaluation): string[] {
  const { o1, encoders, reused, machine, date, measures, repetitions, seed } = evaluation;
  const rule = o1?.auto?.rule;
  return [
    ...(o1
      ? [
          `Thinking embedder ${o1.fingerprint} (${o1.origin}). Its own way to think, o1:always: ${wayInWords(o1)}` +
            (rule
              ? `; auto thinks where ${rule.signal} is ${rule.thinkWhen} ${rule.threshold.toPrecision(4)} (${o1.auto!.source}).`
              : '.'),
        ]
      : []),
    ...encoders.map(({ name, fingerprint }) => `encoder:${name}: ${fingerprint}.`),
    `${date.slice(0, 10)}, ${machine}. Queries were asked one at a time.`,
    ...(reused > 0
      ? [`${reused} documents and queries were embedded by an earlier run; their times are of then.`]
      : []),
    `Differences are in points of ${measures[0]}; intervals: bootstrap over queries; p: paired randomisation test, two-sided ` +
      `(${repetitions} repetitions, seed ${seed}).`,
  ];
}

function wayInWords({ thinking: { thoughts, temperature, maxTokens }, instantWeight }: O1Summary): string {
  const count = thoughts === 1 ? '1 thought' : `${thoughts} thoughts`;
  return `${count} of at most ${maxTokens} tokens at temperature ${temperature}, share of the instant vector ${instantWeight}`;
}

const table = ([header, ...rows]: readonly (readonly string[])[]) =>
  [header!, header!.map((_, i) => (i === 0 ? '---' : '---:')), ...rows]
    .map((row) => `| ${row.join(' | ')} |`)
    .join('\n');
