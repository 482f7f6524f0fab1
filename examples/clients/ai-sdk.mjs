// The AI SDK with this embedder: over HTTP where O1_URL names a server, else in this process.
//
//   npm install ai
//   node examples/clients/ai-sdk.mjs "get told when a file changes"
//   O1_URL=http://127.0.0.1:8080/v1 node examples/clients/ai-sdk.mjs
import { cosineSimilarity, embed, embedMany } from 'ai';
import { O1Embedder } from 'o1-embedder';
import { createO1Embedder } from 'o1-embedder/ai-sdk';

const [question = 'get told when a file changes'] = process.argv.slice(2);
const { O1_URL: baseURL, O1_API_KEY: apiKey } = process.env;
const embedder = baseURL ? undefined : await O1Embedder.load();
const o1 = createO1Embedder(embedder ? { embedder } : { baseURL, apiKey });

const passages = [
  'fs.watch(filename)\nWatch for changes on filename, a file or a folder.',
  'zlib.gzip(buffer)\nCompresses the data in buffer.',
  'os.loadavg()\nThe load average of the last 1, 5 and 15 minutes.',
];
const { embeddings } = await embedMany({ model: o1.embeddingModel(), values: passages });

// One model for queries; `providerOptions` says for a single call that this query is not worth a thought.
const model = o1.embeddingModel('o1-embedder', { inputType: 'query', think: 'always' });
const thinking = await embed({ model, value: question });
const instant = await embed({ model, value: question, providerOptions: { o1: { think: 'never' } } });

for (const [name, { embedding }] of Object.entries({ instant, thinking })) {
  const scores = embeddings.map((document) => cosineSimilarity(document, embedding));
  const best = scores.indexOf(Math.max(...scores));
  console.log(`${name}: ${passages[best].split('\n')[0]} (${scores[best].toFixed(3)})`);
}
await embedder?.close();
