import type { SetResult, SliceResult, SystemDifference } from '../result.js';

/** A value between 0 and 1 as papers print it: `.533`. */
export const formatValue = (value: number): string => value.toFixed(3).replace(/^(-?)0\./, '$1.');

/** A difference in points of a hundred, with its sign: `+1.2`. */
export const formatPoints = (difference: number): string => {
  const text = (100 * difference).toFixed(1);
  return text === '0.0' || text === '-0.0' ? '0.0' : difference > 0 ? `+${text}` : text;
};

/** `p = .012`, `p < .001` */
export const formatP = (p: number): string => (p < 0.001 ? 'p < .001' : `p = ${formatValue(p)}`);

/** `+1.2 [+0.3, +2.1], p = .012`; empty where the two were not compared. */
export const formatDifference = (difference: SystemDifference | undefined): string =>
  difference
    ? `${formatPoints(difference.difference)} [${formatPoints(difference.low)}, ${formatPoints(difference.high)}], ${formatP(difference.p)}`
    : '';

export const formatMs = (ms: number): string => (ms < 10 ? ms.toFixed(1) : ms.toFixed(0));

export const differenceOf = (slice: SliceResult, system: string, against: string): SystemDifference | undefined =>
  slice.differences.find((entry) => entry.system === system && entry.against === against);

/** A table of one slice as cells: the same in Markdown and in HTML. */
export function sliceTable(slice: SliceResult, measures: readonly string[]): string[][] {
  const [first, ...others] = measures as [string, ...string[]];
  const against = ['o1:never', 'bm25'].filter((name) => slice.rows.some(({ system }) => system === name));
  const header = [
    'system',
    `${first} [95 %]`,
    ...others,
    ...against.map((name) => `points against ${name} [95 %], p`),
    'ms',
    'thought tokens',
  ];
  const rows = slice.rows.map(({ system, values, meanMs, meanThoughtTokens }) => {
    const { mean, low, high } = values[first]!;
    return [
      system,
      `${formatValue(mean)} [${formatValue(low)}, ${formatValue(high)}]`,
      ...others.map((measure) => formatValue(values[measure]!.mean)),
      ...against.map((name) => formatDifference(differenceOf(slice, system, name))),
      formatMs(meanMs),
      meanThoughtTokens === undefined ? '' : meanThoughtTokens.toFixed(0),
    ];
  });
  return [header, ...rows];
}

/** What stands above a set's tables. */
export function describeSet(set: SetResult): string[] {
  return [
    `From ${set.origin}, split ${set.split}: ${set.documents} documents, ${set.queries.length} queries.`,
    ...set.remarks,
    ...Object.entries(set.indexSeconds).map(
      ([system, seconds]) => `Embedding the documents took ${seconds.toFixed(0)} s with ${system}.`,
    ),
    ...describeFusion(set),
  ];
}

function describeFusion({ fusion }: SetResult): string[] {
  const methods = Object.entries(fusion);
  const chosenOn = methods.find(([, { method }]) => method === 'weighted')?.[1].chosenOn;
  const ranked = methods.filter(([, { method }]) => method === 'rrf').map(([system]) => system);
  const weighted = methods.flatMap(([system, method]) =>
    method.method === 'weighted' ? [`${method.weight.toFixed(2)} for ${system.replace('+bm25', '')}`] : [],
  );
  return [
    ...(weighted.length > 0
      ? [`Fusion: weighted sum of scores; BM25 has the rest of ${weighted.join(', ')} (chosen on ${chosenOn}).`]
      : []),
    ...(ranked.length > 0
      ? [`Reciprocal rank fusion, as there are no dev queries to choose a weight on: ${ranked.join(', ')}.`]
      : []),
  ];
}

/** What the comparison at equal cost found, in words. */
export function describeEqualCost({ equalCost }: SliceResult): string | undefined {
  if (!equalCost) return undefined;
  const { thinkingShare, never, always, auto, coin, neverMs, alwaysMs, autoMs, coinMs, difference, low, high, p } =
    equalCost;
  return (
    `auto thinks about ${(100 * thinkingShare).toFixed(0)} % of the queries: ${formatValue(auto)} at ${formatMs(autoMs)} ms a query ` +
    `(never ${formatValue(never)} at ${formatMs(neverMs)} ms, always ${formatValue(always)} at ${formatMs(alwaysMs)} ms). ` +
    `A coin that thinks as often would reach ${formatValue(coin)} at ${formatMs(coinMs)} ms: ` +
    `${formatPoints(difference)} points [${formatPoints(low)}, ${formatPoints(high)}], ${formatP(p)}.`
  );
}
