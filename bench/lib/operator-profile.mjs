/** Reads ONNX Runtime's operator profile: where a run's time goes, and how fast its matrix products are. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const MATRIX_PRODUCTS = new Set(['MatMul', 'FusedMatMul', 'Gemm', 'FusedGemm']);

/**
 * An event of the profile; sizes are `{ float: [rows, columns] }` a tensor.
 * @typedef {object} Event
 * @property {string} name
 * @property {string} [cat]
 * @property {number} ts microseconds
 * @property {number} dur microseconds
 * @property {{ op_name?: string, input_type_shape?: Record<string, number[]>[], output_type_shape?: Record<string, number[]>[] }} [args]
 *
 * @typedef {object} OperatorProfile
 * @property {number} seconds of the last run, as a whole
 * @property {[string, number][]} shares of its kernels' time by operator, the largest first
 * @property {number} productShare of the matrix products
 * @property {number} products operations of all matrix products, two for each multiplication with its addition
 * @property {number} productRate the same a second of the products' own time
 */

/**
 * The last run of the session that was busiest, from the files in a folder.
 * @param {string} folder
 * @returns {OperatorProfile}
 */
export function readProfile(folder) {
  const sessions = readdirSync(folder).map((file) =>
    lastRun(JSON.parse(readFileSync(path.join(folder, file), 'utf8'))),
  );
  const [profile] = sessions.flatMap((session) => (session ? [session] : [])).sort((a, b) => b.seconds - a.seconds);
  if (!profile) throw new Error(`expected the profile of a run in ${folder}, found none`);
  return profile;
}

/**
 * @param {readonly Event[]} events
 * @returns {OperatorProfile | undefined} undefined for a session that never ran
 */
export function lastRun(events) {
  const run = events.filter(({ name }) => name === 'model_run').at(-1);
  if (!run) return undefined;
  /** @type {Map<string, number>} */
  const times = new Map();
  let products = 0;
  for (const { name, cat, ts, dur, args } of events) {
    const operator = args?.op_name;
    if (cat !== 'Node' || !name.endsWith('_kernel_time') || operator === undefined) continue;
    if (ts < run.ts || ts > run.ts + run.dur) continue;
    times.set(operator, (times.get(operator) ?? 0) + dur);
    if (MATRIX_PRODUCTS.has(operator)) products += operations(args);
  }
  const sum = (/** @type {Iterable<number>} */ values) => [...values].reduce((total, value) => total + value, 0);
  const all = sum(times.values());
  const ofProducts = sum([...times].map(([operator, time]) => (MATRIX_PRODUCTS.has(operator) ? time : 0)));
  return {
    seconds: run.dur / 1e6,
    shares: [...times]
      .map(([operator, time]) => /** @type {[string, number]} */ ([operator, time / all]))
      .sort((a, b) => b[1] - a[1]),
    productShare: ofProducts / all,
    products,
    productRate: products / (ofProducts / 1e6),
  };
}

/**
 * Operations of a matrix product, whichever factor is transposed: the length of its sums follows from the sizes.
 * @param {Event['args']} args
 */
function operations(args) {
  const shape = (/** @type {Record<string, number[]> | undefined} */ tensor) => Object.values(tensor ?? {})[0] ?? [];
  const size = (/** @type {readonly number[]} */ dimensions) => dimensions.reduce((product, n) => product * n, 1);
  const [a, b] = (args?.input_type_shape ?? []).map(shape);
  const output = shape(args?.output_type_shape?.[0]);
  const [rows = 1, columns = 1] = output.slice(-2);
  // A factor that all matrices of a batch share counts once in its own size: the other one tells.
  const length = Math.max((size(a ?? []) * columns) / size(output), (size(b ?? []) * rows) / size(output));
  return 2 * size(output) * length;
}
