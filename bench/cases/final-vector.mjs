/** What the final vector costs after the last token of the thought, measured in decode steps. */
import { loadEmbedder, thoughtOf } from '../lib/embedder.mjs';
import { QUERY } from '../lib/texts.mjs';
import { takeTurns } from '../lib/timing.mjs';

const LENGTHS = [16, 64, 96];

/** @param {import('../lib/report.mjs').Report} report */
export async function run(report) {
  const o1 = await loadEmbedder('int4');
  try {
    for (const tokens of LENGTHS) {
      const { steps } = await takeTurns({
        steps: async () => {
          const { timings } = await o1.embedQuery(QUERY, thoughtOf(tokens));
          return timings.finalMs / (timings.thinkMs / tokens);
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
