/**
 * The arithmetic of the benches: medians, and the row every bench reports. Pure.
 *
 * @typedef {'ms' | 's' | 'GiB' | 'steps' | 'times' | 'share' | 'tokens/s' | 'nDCG@10'} Unit
 *
 * One line of a result, in the form `--json` prints it.
 * @typedef {object} Row
 * @property {string} bench name of the bench
 * @property {string} what what was measured
 * @property {Unit} unit of `ours` and `peer`
 * @property {number | null} ours
 * @property {number | null} peer null when there is nothing to compare with, or the peer is not installed
 * @property {string | null} peerName
 * @property {number | null} ratio how many times better ours is; null without a peer
 */

/** Units in which more is better; in all others less is better. */
const MORE_IS_BETTER = new Set(['tokens/s', 'nDCG@10']);

/**
 * The middle value, or the mean of the two middle values.
 * @param {readonly number[]} values at least one
 * @returns {number}
 */
export function median(values) {
  if (values.length === 0) throw new Error('median: expected at least one value, got none');
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.slice((sorted.length - 1) >> 1, (sorted.length >> 1) + 1);
  return middle.reduce((sum, value) => sum + value, 0) / middle.length;
}

/**
 * How many times better `ours` is than `peer`: above 1 means ours is the better one, whatever the unit.
 * @param {Unit} unit
 * @param {number} ours
 * @param {number} peer
 * @returns {number}
 */
export function ratio(unit, ours, peer) {
  return MORE_IS_BETTER.has(unit) ? ours / peer : peer / ours;
}

/**
 * A result row with its ratio worked out.
 * @param {{ bench: string, what: string, unit: Unit, ours: number | null, peer?: number | null, peerName?: string | null }} parts
 * @returns {Row}
 */
export function row({ bench, what, unit, ours, peer = null, peerName = null }) {
  return {
    bench,
    what,
    unit,
    ours: rounded(ours),
    peer: rounded(peer),
    peerName,
    ratio: ours === null || peer === null ? null : rounded(ratio(unit, ours, peer)),
  };
}

/**
 * Four significant digits: more would only be noise.
 * @param {number | null} value
 */
function rounded(value) {
  return value === null ? null : Number(value.toPrecision(4));
}
