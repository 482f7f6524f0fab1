import { add, Graph, matmul, multiply, Session, tensor } from '../tensor/index.js';

/** A low-rank update of one linear (LoRA, Hu et al. 2021): W' = W + scale · B · A. */
export interface LowRankUpdate {
  /** `[rank, inFeatures]` */
  readonly a: Float32Array;
  /** `[outFeatures, rank]` */
  readonly b: Float32Array;
  readonly rank: number;
  readonly scale: number;
}

/** Merges low-rank updates into weights. One compiled product serves all shapes. */
export class Merger {
  readonly #session: Session;

  private constructor(session: Session) {
    this.#session = session;
  }

  static async create(threads?: number): Promise<Merger> {
    const graph = new Graph();
    const weight = graph.input('weight', 'float32', ['out', 'in']);
    const a = graph.input('a', 'float32', ['rank', 'in']);
    const b = graph.input('b', 'float32', ['out', 'rank']);
    const scale = graph.input('scale', 'float32', []);
    graph.output('merged', add(graph, weight, matmul(graph, multiply(graph, b, scale), a)));
    return new Merger(
      await Session.create(graph, { spinBetweenRuns: false, ...(threads === undefined ? {} : { threads }) }),
    );
  }

  /** The merged weight, `[outFeatures, inFeatures]`. */
  async merge(weight: Float32Array, update: LowRankUpdate): Promise<Float32Array> {
    const { a, b, rank, scale } = update;
    const [outFeatures, inFeatures] = [b.length / rank, a.length / rank];
    const { merged } = await this.#session.run({
      weight: tensor('float32', weight, [outFeatures, inFeatures]),
      a: tensor('float32', a, [rank, inFeatures]),
      b: tensor('float32', b, [outFeatures, rank]),
      scale: tensor('float32', Float32Array.of(scale), []),
    });
    return merged!.data as Float32Array;
  }

  async close(): Promise<void> {
    await this.#session.release();
  }
}
