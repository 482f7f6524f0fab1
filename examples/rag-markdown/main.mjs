// Questions about a folder of Markdown, answered on this machine: the embedder finds the passage, and the model that it was made
// from, without the adapter, writes an answer from it. Its 135 million parameters copy more than they understand; a larger
// model of its family is the third argument.
//
//   npm install o1-embedder
//   node examples/rag-markdown/main.mjs examples/docs "how long are hourly copies kept?"
//   node examples/rag-markdown/main.mjs examples/docs "how do I see every request?" HuggingFaceTB/SmolLM2-1.7B-Instruct
import { indexCorpus, O1Embedder, openStore, readFolder } from 'o1-embedder';
import { Answerer } from './answerer.mjs';

const [folder = 'examples/docs', question = 'how long are hourly copies kept?', model] = process.argv.slice(2);

const embedder = await O1Embedder.load();
const store = await openStore('rag-index', { encoder: embedder, access: 'write' });
const chunks = readFolder(folder, {
  countTokens: (text) => embedder.countTokens(text),
  maxTokens: embedder.settings.lengths.document,
});
await indexCorpus(store, chunks, embedder, { removeMissing: true });

// `always` and `auto` pay off with an adapter whose thoughts are good; the one in the package finds more without.
const { vector } = await embedder.embedQuery(question, { think: 'never' });
const [best, ...others] = await store.search(vector, { k: 3 });
console.log('source:', best.id, best.score.toFixed(2));
console.log('others:', others.map(({ id, score }) => `${id} ${score.toFixed(2)}`).join(', '));

const answerer = await Answerer.load(model ?? embedder.settings.base.model);
process.stdout.write('answer: ');
await answerer.answer(question, best.text, (text) => process.stdout.write(text));
process.stdout.write('\n');

await answerer.close();
await store.close();
await embedder.close();
