import { describe, expect, test } from 'vitest';
import { uniform } from '../../decoder/index.js';
import { distillation } from './distillation.js';
import { infoNce } from './info-nce.js';
import { contrastiveParts, jointLoss, type PooledStates } from './joint-loss.js';
import { ThoughtCrossEntropy } from './thought-cross-entropy.js';

const vectors = (rows: readonly (readonly number[])[]) => rows.map((row) => Float32Array.from(row));
const random = (count: number, size: number, seed: number) =>
  vectors(Array.from({ length: count }, (_, i) => Array.from({ length: size }, (_, k) => 2 * uniform(seed, i, k) - 1)));

/** Central differences of `loss` in every number of `rows`, against `gradient`; vectors are rounded to fp32 on the way. */
function expectGradient(rows: readonly Float32Array[], gradient: readonly Float32Array[], loss: () => number): void {
  const step = 2 ** -10;
  rows.forEach((row, i) => {
    for (let k = 0; k < row.length; k++) {
      const value = row[k]!;
      row[k] = value + step;
      const above = loss();
      row[k] = value - step;
      const below = loss();
      row[k] = value;
      expect(Math.abs(gradient[i]![k]! - (above - below) / (2 * step)), `${i}, ${k}`).toBeLessThan(3e-4);
    }
  });
}

const queries = vectors([
  [0.6, 0.8],
  [1, 0],
]);
const documents = vectors([
  [0.8, 0.6],
  [0, 1],
  [-0.6, 0.8],
]);

describe('InfoNCE', () => {
  test('agrees with PyTorch, a document that also answers being left out', () => {
    const excluded = (query: number, document: number) => query === 0 && document === 1;
    const result = infoNce(queries, documents, { positives: [0, 1], excluded, temperature: 0.5 });
    expect(result.loss).toBeCloseTo(1.030857801437378, 6);
    expect(result.queries[0]![0]).toBeCloseTo(-0.2859364151954651, 6);
    expect(result.queries[1]![1]).toBeCloseTo(-0.3264116048812866, 6);
    expect(result.documents[0]![0]).toBeCloseTo(0.6694054007530212, 6);
    expect(result.documents[1]![0]).toBeCloseTo(-0.8401081562042236, 6);
    expect(result.documents[1]![1]).toBe(0);
  });

  test('its gradient is that of finite differences', () => {
    const [q, d] = [random(3, 4, 1), random(5, 4, 2)];
    const options = { positives: [4, 0, 2], temperature: 0.3 };
    const result = infoNce(q, d, options);
    expectGradient(q, result.queries, () => infoNce(q, d, options).loss);
    expectGradient(d, result.documents, () => infoNce(q, d, options).loss);
  });

  test('a positive is compared even where it would be left out for another query', () => {
    const all = infoNce(queries, documents, { positives: [0, 1], excluded: () => true });
    expect(all.loss).toBeCloseTo(0, 12);
  });

  test('a positive that is not there is an error', () => {
    expect(() => infoNce(queries, documents, { positives: [0, 3] })).toThrow('query 1 has positive 3 of 3 documents');
    expect(() => infoNce(queries, documents, { positives: [0] })).toThrow('2 queries have 1 positives');
  });
});

describe('distillation', () => {
  const options = {
    candidates: [
      [0, 2],
      [1, 0],
    ],
    scores: [
      [2, 1],
      [0.5, -0.5],
    ],
    temperature: 0.5,
  };

  test('agrees with PyTorch', () => {
    const result = distillation(queries, documents, options);
    expect(result.loss).toBeCloseTo(0.3917033076286316, 6);
    expect(result.queries[1]![0]).toBeCloseTo(0.45046159625053406, 6);
    expect(result.documents[2]![1]).toBeCloseTo(-0.05176088958978653, 6);
  });

  test('a score that is missing is an error, not a default', () => {
    expect(() => distillation(queries, documents, { ...options, scores: [[2, 1], [0.5]] })).toThrow(
      'query 1 has 2 candidates and 1 committee scores',
    );
    expect(() => distillation(queries, documents, { ...options, candidates: [[0, 2], []] })).toThrow('query 1');
  });
});

describe('the joint loss', () => {
  const states: PooledStates & { thought: (Float32Array | undefined)[] } = {
    instant: random(3, 4, 3),
    thought: [...random(2, 4, 4), undefined],
    documents: random(4, 4, 5),
  };
  const options = { positives: [0, 1, 2], temperature: 0.2, excluded: (i: number, j: number) => i === 1 && j === 3 };
  const total = () => {
    return jointLoss({ ...contrastiveParts(states, options), generation: 2 }).total;
  };
  const none = { instant: 0, thought: 0 };

  test('is 0.8 * (instant + thought) / 2 + 0.2 * generation', () => {
    expect(jointLoss({ instant: 1, thought: 3, distillation: none, generation: 10 }).total).toBeCloseTo(3.6, 12);
    const alone = { instant: 1, thought: undefined, distillation: none, generation: undefined };
    expect(jointLoss(alone).total).toBeCloseTo(0.8, 12);
  });

  test('its gradient reaches through the normalisation, queries without a thought included', () => {
    const { gradients } = contrastiveParts(states, options);
    expectGradient(states.instant, gradients.instant, total);
    expectGradient(
      states.thought.slice(0, 2) as Float32Array[],
      gradients.thought.slice(0, 2) as Float32Array[],
      total,
    );
    expectGradient(states.documents, gradients.documents, total);
    expect(gradients.thought[2]).toBeUndefined();
  });

  test('with distillation, the weighted divergence stands beside InfoNCE, and its gradient reaches as far', () => {
    const committee = [
      { candidates: [0, 3], scores: [0.9, 0.4] },
      { candidates: [1, 2, 0], scores: [0.5, 0.8, 0.1] },
      undefined,
    ];
    const settings = { ...options, committee, distillation: { weight: 0.7, teacherTemperature: 0.3 } };
    const { gradients, ...parts } = contrastiveParts(states, settings);
    expect(parts).toMatchObject({ instant: contrastiveParts(states, options).instant });
    const { instant, thought } = parts.distillation;
    expect(Math.min(instant, thought)).toBeGreaterThan(0.01);
    const loss = jointLoss({ ...parts, generation: 0 }, settings);
    expect(loss.distillation).toBeCloseTo((instant + thought) / 2, 12);
    expect(loss.total).toBeCloseTo(0.8 * ((parts.instant + parts.thought!) / 2 + 0.7 * loss.distillation), 12);
    const distilled = () => jointLoss({ ...contrastiveParts(states, settings), generation: 0 }, settings).total;
    expectGradient(states.instant, gradients.instant, distilled);
    expectGradient(states.documents, gradients.documents, distilled);
    const thinking = (rows: PooledStates['thought']) => rows.slice(0, 2) as Float32Array[];
    expectGradient(thinking(states.thought), thinking(gradients.thought), distilled);
    // Scores that nobody asked to learn change nothing.
    expect(contrastiveParts(states, { ...options, committee })).toEqual(contrastiveParts(states, options));
  });

  test('without any thought the instant vectors carry the whole contrastive weight', () => {
    const plain = { ...states, thought: states.thought.map(() => undefined) };
    const { instant, thought, gradients } = contrastiveParts(plain, options);
    expect(thought).toBeUndefined();
    const loss = () => jointLoss({ ...contrastiveParts(plain, options), generation: undefined }).total;
    expect(loss()).toBeCloseTo(0.8 * instant, 12);
    expectGradient(plain.instant, gradients.instant, loss);
  });
});

describe('thought cross-entropy', () => {
  const [vocabulary, hiddenSize, tokens] = [11, 4, 300];
  const head = Float32Array.from({ length: vocabulary * hiddenSize }, (_, i) => 4 * uniform(6, i) - 2);
  const banned = [3, 10];
  const hidden = random(tokens, hiddenSize, 7);
  const labels = Array.from({ length: tokens }, (_, i) => [0, 1, 2, 4, 9][i % 5]!);

  /** The same by the book, in fp64. */
  function expected(rows: readonly Float32Array[]): number {
    return rows.reduce((sum, row, t) => {
      const logits = Array.from({ length: vocabulary }, (_, token) =>
        banned.includes(token)
          ? Number.NEGATIVE_INFINITY
          : row.reduce((product, value, k) => product + value * head[token * hiddenSize + k]!, 0),
      );
      return sum + Math.log(logits.reduce((total, logit) => total + Math.exp(logit), 0)) - logits[labels[t]!]!;
    }, 0);
  }

  test('equals its definition, over more tokens than go through the head at once, and so does its gradient', async () => {
    const crossEntropy = await ThoughtCrossEntropy.create(head, hiddenSize, banned);
    const flat = Float32Array.from(hidden.flatMap((row) => [...row]));
    const { sum, gradient } = await crossEntropy.run(flat, labels);
    await crossEntropy.close();
    expect(Math.abs(sum - expected(hidden))).toBeLessThan(1e-3);
    const rows = hidden.map((_, t) => gradient.subarray(t * hiddenSize, (t + 1) * hiddenSize));
    // Rows do not influence each other: one at a time is enough, from both runs of the head.
    for (const t of [0, 255, 256, 299]) {
      const others = hidden.slice();
      expectGradient([hidden[t]!], [rows[t]!], () => expected(others));
    }
  });

  test('a label that is banned, or missing, is an error', async () => {
    const crossEntropy = await ThoughtCrossEntropy.create(head, hiddenSize, banned);
    await expect(crossEntropy.run(new Float32Array(hiddenSize), [10])).rejects.toThrow('token 10 is banned');
    await expect(crossEntropy.run(new Float32Array(2 * hiddenSize), [1])).rejects.toThrow('1 labels, 2 hidden states');
    await crossEntropy.close();
  });
});
