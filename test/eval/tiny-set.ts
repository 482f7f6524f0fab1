import type { DenseEncoder, EvaluationSet } from '../../src/eval/index.js';
import { HashingEncoder } from '../../src/testing/index.js';

const ANIMALS = 'ant bear cat dog eel fox goat hare ibis jay kite lion mole newt owl pig quail rat seal toad'.split(
  ' ',
);

/** Twenty documents, eight test and six dev queries; a query shares its two words with one document alone. */
export function tinySet(): EvaluationSet {
  const documents = ANIMALS.map((animal, i) => ({
    id: `d${i}`,
    title: animal,
    text: `the ${animal} lives in house${i}`,
  }));
  const judged = (first: number, count: number) => {
    const numbers = Array.from({ length: count }, (_, i) => first + i);
    return {
      queries: numbers.map((i) => ({ id: `q${i}`, text: `${ANIMALS[i]} house${i}` })),
      qrels: new Map(numbers.map((i) => [`q${i}`, new Map([[`d${i}`, 1]])])),
      expertThoughts: new Map(numbers.map((i) => [`q${i}`, `a ${ANIMALS[i]}`])),
    };
  };
  const test = judged(0, 8);
  return {
    ...{ name: 'tiny', origin: 'a test', split: 'test', documents, test, dev: judged(8, 6), relevantFrom: 1 },
    slices: [{ name: 'even', queryIds: new Set(['q0', 'q2', 'q4', 'q6']) }],
    remarks: [],
  };
}

/** An encoder of hashed words that counts the texts it is given. */
export function countingEncoder(name: string): DenseEncoder & { texts: number } {
  const hashing = new HashingEncoder({ dimensions: 512 });
  return {
    name,
    fingerprint: hashing.fingerprint,
    texts: 0,
    async embed(texts) {
      this.texts += texts.length;
      return hashing.embedDocuments(texts);
    },
  };
}
