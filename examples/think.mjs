// Two vectors for one query: at once, and after a thought.
import { cosine, O1Embedder } from 'o1-embedder';

const embedder = await O1Embedder.load();
const documents = await embedder.embedDocuments([
  'fs.watch(filename)\nWatch for changes on filename, a file or a folder.',
  'zlib.gzip(buffer)\nCompresses the data in buffer.',
]);
const { instant, vector, thoughts } = await embedder.embedQuery('get told when a file changes', { think: 'always' });
const scores = (query) => documents.map((document) => cosine(query, document).toFixed(2));

console.log('thought:', thoughts[0].text);
console.log('instant:', scores(instant), 'thinking:', scores(vector));
await embedder.close();
