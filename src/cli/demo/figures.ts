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

/** Two values nearer than this read alike in the table and are called equal. */
const TIE = 0.005;

/** What the figures say, in words that follow from them. */
export function captionOf({ instant, ownThought, expertThought }: DemoFigures, defaultThink: string): string {
  const points = (a: number, b: number) => (100 * Math.abs(a - b)).toFixed(1);
  const own =
    Math.abs(ownThought - instant) < TIE
      ? "The model's own thoughts neither help nor hurt"
      : ownThought < instant
        ? `The model's own thoughts hurt: ${points(ownThought, instant)} points below the instant vector`
        : `The model's own thoughts help: ${points(ownThought, instant)} points above the instant vector`;
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
