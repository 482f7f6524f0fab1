import { argMax } from './vote.js';

/** How two members judge the same candidates. */
export interface Agreement {
  readonly a: string;
  readonly b: string;
  /** Queries with two or more candidates: on others there is nothing to agree on. */
  readonly queries: number;
  /** Share of them for which both choose the same candidate. */
  readonly share: number;
  /** Cohen's kappa of the choices: 1 is full agreement, 0 what chance would give. `undefined` where it is 0 / 0. */
  readonly kappa: number | undefined;
  /** Kendall's tau-b of the two rankings, a mean over queries; those for which a member scores all alike do not count. */
  readonly tau: number | undefined;
}

/** Agreement of each pair of members. `scores`: for each query, each member's scores of the candidates. */
export function agreementOf(scores: readonly Readonly<Record<string, readonly number[]>>[]): Agreement[] {
  const names = Object.keys(scores[0] ?? {});
  const judged = scores.filter((byMember) => (byMember[names[0]!]?.length ?? 0) > 1);
  return names.flatMap((a, i) =>
    names.slice(i + 1).map((b) => {
      const choices = judged.map((byMember): [number, number] => [argMax(byMember[a]!), argMax(byMember[b]!)]);
      const taus = judged.map((byMember) => kendallTau(byMember[a]!, byMember[b]!)).filter((tau) => tau !== undefined);
      return {
        a,
        b,
        queries: judged.length,
        share: choices.filter(([one, other]) => one === other).length / Math.max(1, choices.length),
        kappa: cohensKappa(choices),
        tau: taus.length === 0 ? undefined : taus.reduce((sum, tau) => sum + tau, 0) / taus.length,
      };
    }),
  );
}

/**
 * Cohen's kappa of two raters: (observed - expected) / (1 - expected) agreement, with the agreement expected from how often each
 * rater chooses each category. `undefined` without items, or where both always choose one and the same.
 */
export function cohensKappa(choices: readonly (readonly [number, number])[]): number | undefined {
  if (choices.length === 0) return undefined;
  const observed = choices.filter(([a, b]) => a === b).length / choices.length;
  const share = (rater: 0 | 1, category: number) =>
    choices.filter((choice) => choice[rater] === category).length / choices.length;
  const categories = new Set(choices.flat());
  const expected = [...categories].reduce((sum, category) => sum + share(0, category) * share(1, category), 0);
  return expected === 1 ? undefined : (observed - expected) / (1 - expected);
}

/** Kendall's tau-b: of the pairs that are not tied, those in the same order less those in the opposite. `undefined` where one side is all ties. */
export function kendallTau(a: readonly number[], b: readonly number[]): number | undefined {
  let [balance, untiedA, untiedB] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    for (let j = 0; j < i; j++) {
      const [first, second] = [Math.sign(a[i]! - a[j]!), Math.sign(b[i]! - b[j]!)];
      balance += first * second;
      untiedA += first * first;
      untiedB += second * second;
    }
  }
  return untiedA === 0 || untiedB === 0 ? undefined : balance / Math.sqrt(untiedA * untiedB);
}
