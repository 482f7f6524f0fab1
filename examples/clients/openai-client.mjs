// The `openai` package against this server: its embeddings API, and the two fields that it does not know.
//
//   npm install openai
//   npx o1-embedder serve &
//   node examples/clients/openai-client.mjs "get told when a file changes"
import OpenAI from 'openai';

const [question = 'get told when a file changes'] = process.argv.slice(2);
const client = new OpenAI({
  baseURL: process.env.O1_URL ?? 'http://127.0.0.1:8080/v1',
  apiKey: process.env.O1_API_KEY ?? 'none is wanted',
});
const [model] = (await client.models.list()).data;

// Documents are embedded as they are: to OpenAI's client this is an embedding model like any other.
const passages = [
  'fs.watch(filename)\nWatch for changes on filename, a file or a folder.',
  'zlib.gzip(buffer)\nCompresses the data in buffer.',
  'os.loadavg()\nThe load average of the last 1, 5 and 15 minutes.',
];
const documents = await client.embeddings.create({ model: model.id, input: passages });

// A query is embedded as one when it says so, and after a thought when that is wanted.
const query = await client.embeddings.create({
  model: model.id,
  input: question,
  input_type: 'query',
  think: 'always',
});

// Vectors have length 1: the inner product is the cosine.
const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);
const scores = documents.data.map(({ embedding }) => dot(embedding, query.data[0].embedding));
const ranking = passages.map((text, i) => ({ score: scores[i], text })).sort((a, b) => b.score - a.score);
for (const { score, text } of ranking) console.log(score.toFixed(3), text.split('\n')[0]);
console.log(`${documents.usage.total_tokens + query.usage.total_tokens} tokens, ${model.id}`);
