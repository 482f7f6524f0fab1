/** What this machine reaches in a large fp32 matrix product, by the runtime's own kernel: the bound of a training step. */
import { Graph, matmul, Session, tensor } from '../../dist/tensor/index.js';
import { timed } from './timing.mjs';

/** Large enough for the kernel's blocking, small enough for the caches' outer levels. */
const SIZE = 1024;
/** Products to choose the fastest from. */
const PRODUCTS = 20;

/**
 * Operations a second, two for each multiplication with its addition.
 * @param {number} threads
 * @returns {Promise<number>}
 */
export async function productPeak(threads) {
  const graph = new Graph();
  const [a, b] = /** @type {const} */ (['a', 'b']).map((name) => graph.input(name, 'float32', [SIZE, SIZE]));
  graph.output(
    'product',
    matmul(graph, /** @type {NonNullable<typeof a>} */ (a), /** @type {NonNullable<typeof b>} */ (b)),
  );
  const session = await Session.create(graph, { threads });
  try {
    const matrix = tensor('float32', new Float32Array(SIZE * SIZE).fill(0.5), [SIZE, SIZE]);
    let fastest = Number.POSITIVE_INFINITY;
    for (let i = 0; i < PRODUCTS; i++) {
      fastest = Math.min(fastest, await timed(() => session.run({ a: matrix, b: matrix })));
    }
    return (2 * SIZE ** 3) / (fastest / 1000);
  } finally {
    await session.release();
  }
}
