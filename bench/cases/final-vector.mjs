/** What the final vector costs after the last token of the thought, measured in decode steps. */
import { loadEmbedder, thoughtOf } from '../lib/embedder.mjs';
import { QUERY } from '../lib/texts.mjs';
import { takeTurns } from '../lib/timing.mjs';

/** @param {import('../lib/report.mjs').Report} report */
export async function run(report) {
  const o1 = await loadEmbedder('int4');
  try {
    // The last one is the longest thought that the adapter's length policy allows.
    for (const tokens of [16, 64, o1.settings.lengths.thought]) {
      const { steps } = await takeTurns({
        steps: async () => {
          const { timings } = await o1.embedQuery(QUERY, thoughtOf(tokens));
          // Every token of the thought is read in a step of its own; what follows it is `</s>` and `<emb>`.
          const stepMs = (timings.thinkMs - timings.closingMs) / tokens;
          return timings.closingMs / stepMs;
        },
      });
      report.row({
        what: `final vector after ${tokens} tokens, int4`,
        unit: 'steps',
        ours: steps,
        peer: 1,
        peerName: 'one decode step of the same thought',
        target: '>= 0.5',
      });
    }
  } finally {
    await o1.close();
  }
}
