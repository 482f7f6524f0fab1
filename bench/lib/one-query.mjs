/** Embeds one query with a thought in the mode named by the first argument, and prints this process's peak memory in bytes. */
import { loadEmbedder, thoughtOf } from './embedder.mjs';
import { peakMemory } from './memory.mjs';
import { QUERY } from './texts.mjs';

const o1 = await loadEmbedder(/** @type {'int4' | 'int8'} */ (process.argv[2]));
await o1.embedQuery(QUERY, thoughtOf(64));
await o1.close();
console.log(peakMemory());
