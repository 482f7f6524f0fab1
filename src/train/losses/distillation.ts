import { InvalidInputError } from '../../errors.js';
import { type ContrastiveLoss, DEFAULT_TEMPERATURE } from './info-nce.js';
import { logSumExp, type Matrix, similarities, similaritiesGradient, type Vectors } from './similarity.js';

export interface DistillationOptions {
  /** For each query, the places of the documents that the committee scored. */
  readonly candidates: readonly (readonly number[])[];
  /** The committee's score of each of these, the higher the better. */
  readonly scores: readonly (readonly number[])[];
  /** The student's similarities are divided by it. Default 0.02. */
  readonly temperature?: number;
  /** The committee's scores are divided by it. Default 1. */
  readonly teacherTemperature?: number;
}

/**
 * Kullback-Leibler divergence of the student's distribution over a query's candidates from the committee's: the ranking is
 * learnt with its margins, not only the first place.
 */
export function distillation(queries: Vectors, documents: Vectors, options: DistillationOptions): ContrastiveLoss {
  const { candidates, scores, temperature = DEFAULT_TEMPERATURE, teacherTemperature = 1 } = options;
  const student = similarities(queries, documents);
  const gradient: Matrix = { ...student, data: new Float64Array(student.data.length) };
  let loss = 0;
  queries.forEach((_, i) => {
    const places = candidates[i] ?? [];
    const teacher = scores[i] ?? [];
    if (places.length === 0 || places.length !== teacher.length) {
      throw new InvalidInputError(
        `distillation: query ${i} has ${places.length} candidates and ${teacher.length} committee scores`,
      );
    }
    const wrong = places.find((j) => documents[j] === undefined);
    if (wrong !== undefined) {
      throw new InvalidInputError(`distillation: query ${i} has candidate ${wrong} of ${documents.length} documents`);
    }
    const ours = logSoftmax(places.map((j) => student.data[i * documents.length + j]! / temperature));
    const theirs = teacherDistribution(teacher, teacherTemperature);
    places.forEach((j, k) => {
      const share = Math.exp(theirs[k]!);
      if (share > 0) loss += (share * (theirs[k]! - ours[k]!)) / queries.length;
      gradient.data[i * documents.length + j]! += (Math.exp(ours[k]!) - share) / temperature / queries.length;
    });
  });
  const { a, b } = similaritiesGradient(queries, documents, gradient);
  return { loss, queries: a, documents: b };
}

/** The logarithms of the committee's distribution over a query's candidates, from its scores. */
export function teacherDistribution(scores: readonly number[], teacherTemperature: number): number[] {
  return logSoftmax(scores.map((score) => score / teacherTemperature));
}

function logSoftmax(values: readonly number[]): number[] {
  const total = logSumExp(values);
  return values.map((value) => value - total);
}
