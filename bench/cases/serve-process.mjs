/**
 * The server of the serve benches, in a process of its own: the real model in int8 and everything `o1-embedder serve` has, but
 * for two things. Thoughts are always of 64 tokens, so that there is something to compare; and none are remembered.
 * It prints its address, and stops at SIGTERM or when its input ends: with the bench that started it. `GET /longest-run` tells the
 * longest run of the model, in ms, since it was asked last.
 */
import { createApp, listen, loadService } from '../../dist/server/index.js';
import { MODEL, OUR_THREADS } from '../lib/model.mjs';

const THOUGHT_TOKENS = 64;

const service = await loadService({ model: MODEL, mode: 'int8', threads: OUR_THREADS });
const app = createApp({
  service: {
    fingerprint: service.fingerprint,
    modelName: service.modelName,
    dimensions: service.dimensions,
    settings: service.settings,
    embedDocuments: (texts, options) => service.embedDocuments(texts, options),
    query: (text, options) => service.query(text, { ...options, maxTokens: THOUGHT_TOKENS, ignoreEnd: true }),
    status: () => service.status?.() ?? { state: 'ready', waiting: 0, thinking: 0 },
    close: (options) => service.close(options),
  },
  processMetrics: true,
});
let longestRun = 0;
service.onRun?.(({ milliseconds }) => {
  longestRun = Math.max(longestRun, milliseconds);
});
app.get('/longest-run', (c) => {
  const longest = longestRun;
  longestRun = 0;
  return c.json(longest);
});
const listening = await listen(app, { port: 0 });
console.log(listening.address);

let stopping = false;
async function stop() {
  if (stopping) return;
  stopping = true;
  process.stdin.destroy();
  listening.stop();
  await service.close({ graceMs: 5_000 });
  await listening.close(1_000);
}
process.once('SIGTERM', stop);
process.stdin.once('end', stop).resume();
