import type { RetrievalSet } from '../../src/search/index.js';

const TOPICS = ['logs', 'sockets', 'timers', 'buffers', 'streams', 'folders', 'signals', 'threads'];

/** A retrieval set of one document a query, each about a topic of its own. At most eight. */
export function tinyRetrievalSet(size = 8): RetrievalSet {
  const topics = TOPICS.slice(0, size);
  return {
    documents: topics.map((topic, i) => ({
      id: `d${i}`,
      title: topic,
      text: `How ${topic} work. All about ${topic}.`,
    })),
    queries: topics.map((topic, i) => ({ id: `q${i}`, text: `what are ${topic}` })),
    qrels: new Map(topics.map((_, i) => [`q${i}`, new Map([[`d${i}`, 1]])])),
  };
}

/** Words: enough for tests of lengths. */
export const countWords = (text: string): number => text.split(/\s+/).filter(Boolean).length;
