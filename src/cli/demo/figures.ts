import { formatScore, formatTable } from '../format.js';

/** nDCG@10 of the demo's systems. */
export interface DemoFigures {
  readonly bm25: number;
  /** The query's own vector, without a thought. */
  readonly instant: number;
  /** With the thoughts that the model writes itself. */
  readonly ownThought: number;
  /** With the thought of an external LLM expert: how much a good thought is worth to this model. */
  readonly expertThought: number;
}

export function figuresTable(figures: DemoFigures): string {
  return formatTable([
    ['system', 'nDCG@10'],
    ['BM25', formatScore(figures.bm25)],
    ['instant (no thought)', formatScore(figures.instant)],
    ["thinking (the model's own thought)", formatScore(figures.ownThought)],
    ["an external expert's thought (ceiling)", formatScore(figures.expertThought)],
  ]);
}

/** A difference is called one where chance makes as large a one in fewer cases than this. */
const SIGNIFICANCE = 0.05;
/** By how much an expert's thoughts must be better than the rest to count as better. */
const TIE = 0.005;

/**
 * What the figures say, in words that follow from them.
 *
 * @param p of the paired randomisation test of the model's own thoughts against the instant vector.
 */
export function captionOf(
  { instant, ownThought, expertThought }: DemoFigures,
  p: number,
  defaultThink: string,
): string {
  const points = (a: number, b: number) => (100 * Math.abs(a - b)).toFixed(1);
  const difference = `${points(ownThought, instant)} points ${ownThought < instant ? 'below' : 'above'} the instant vector`;
  const own =
    p >= SIGNIFICANCE
      ? `The model's own thoughts neither help nor hurt here: ${difference}, which is within chance (p = ${p.toFixed(2)})`
      : `The model's own thoughts ${ownThought < instant ? 'hurt' : 'help'}: ${difference} (p ${p < 0.001 ? '< 0.001' : `= ${p.toFixed(3)}`})`;
  const expert =
    expertThought > Math.max(instant, ownThought) + TIE
      ? `A good thought is worth much to the same vectors: with an expert's they gain ${points(expertThought, instant)} points, the ceiling of what better thoughts can bring.`
      : "Even an expert's thoughts bring no more to these vectors.";
  const policy =
    defaultThink === 'never'
      ? 'So this adapter does not think unless asked to (--think always).'
      : 'This adapter thinks by default (--think never turns it off).';
  return `${own}. ${expert} ${policy}`;
}
