// LangChain with this embedder: over HTTP where O1_URL names a server, else in this process.
//
//   npm install @langchain/core
//   node examples/clients/langchain.mjs "get told when a file changes"
//   O1_URL=http://127.0.0.1:8080/v1 node examples/clients/langchain.mjs
//
// With any of LangChain's vector stores it is one line: `await MemoryVectorStore.fromDocuments(documents, embeddings)`.
import { Document } from '@langchain/core/documents';
import { cosineSimilarity } from '@langchain/core/utils/math';
import { O1Embedder } from 'o1-embedder';
import { O1Embeddings } from 'o1-embedder/langchain';

const [question = 'get told when a file changes'] = process.argv.slice(2);
const { O1_URL: baseURL, O1_API_KEY: apiKey } = process.env;
const embedder = baseURL ? undefined : await O1Embedder.load();
// Queries are thought about, documents never are.
const embeddings = new O1Embeddings({ ...(embedder ? { embedder } : { baseURL, apiKey }), think: 'always' });

const documents = [
  new Document({ metadata: { name: 'fs.watch' }, pageContent: 'Watch for changes on filename, a file or a folder.' }),
  new Document({ metadata: { name: 'zlib.gzip' }, pageContent: 'Compresses the data in buffer.' }),
  new Document({ metadata: { name: 'os.loadavg' }, pageContent: 'The load average of the last 1, 5 and 15 minutes.' }),
];
const vectors = await embeddings.embedDocuments(documents.map(({ pageContent }) => pageContent));
const query = await embeddings.embedQuery(question);

const [scores] = cosineSimilarity([query], vectors);
const best = scores.indexOf(Math.max(...scores));
console.log(`${documents[best].metadata.name}: ${documents[best].pageContent} (${scores[best].toFixed(3)})`);
await embedder?.close();
