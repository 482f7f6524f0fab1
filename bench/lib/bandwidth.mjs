/**
 * How fast this machine reads memory: ONNX Runtime sums the rows of a matrix (`ReduceSum`), which reads every byte once,
 * on all threads of the same pool that runs the decoder. A sum in JavaScript reaches a fraction of it.
 */
import { Graph, Session, tensor } from '../../dist/tensor/index.js';
import { timed } from './timing.mjs';

/** Enough rows for any number of threads to share them evenly. */
const ROWS = 512;

/** Reads to choose the fastest from; one takes a few milliseconds. */
const READS = 20;

/**
 * Bytes a second, by the fastest of several reads of the same buffer: the figure serves as a bound.
 *
 * The size matters: weights that fit into the processor's cache are read from there at every step, so give the number of
 * bytes that are really read again and again.
 *
 * @param {{ bytes: number, threads: number }} options
 * @returns {Promise<number>}
 */
export async function readBandwidth({ bytes, threads }) {
  const columns = Math.ceil(bytes / 4 / ROWS);
  const graph = new Graph();
  const matrix = graph.input('matrix', 'float32', [ROWS, columns]);
  const [sums] = graph.apply('ReduceSum', [matrix, graph.integers([1])], [{ type: 'float32', shape: [ROWS, 1] }]);
  graph.output('sums', /** @type {import('../../dist/tensor/index.js').Value} */ (sums));
  const session = await Session.create(graph, { threads });
  try {
    const feeds = { matrix: tensor('float32', new Float32Array(ROWS * columns).fill(1), [ROWS, columns]) };
    let fastest = Number.POSITIVE_INFINITY;
    for (let read = 0; read < READS; read++) fastest = Math.min(fastest, await timed(() => session.run(feeds)));
    return (ROWS * columns * 4) / (fastest / 1000);
  } finally {
    await session.release();
  }
}
