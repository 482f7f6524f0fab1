// A folder of Markdown: index what is new, answer at once, think, answer again.
import { indexCorpus, O1Embedder, openStore, readFolder } from 'o1-embedder';

const [folder = 'examples/docs', question = 'close idle connections'] = process.argv.slice(2);
const embedder = await O1Embedder.load();
const store = await openStore('my-index', { encoder: embedder, access: 'write' });

const chunks = readFolder(folder, {
  countTokens: (text) => embedder.countTokens(text),
  maxTokens: embedder.settings.lengths.document,
});
const { embedded, documents } = await indexCorpus(store, chunks, embedder, { removeMissing: true });
console.log(`embedded ${embedded} of ${documents} chunks`);

for await (const event of embedder.streamQuery(question, { think: 'always', thoughts: 1 })) {
  if (event.type === 'token') {
    process.stdout.write(event.text);
  } else {
    const hits = await store.search(event.vector, { k: 3 });
    console.log(`\n${event.type}:`, hits.map(({ id, score }) => `${id} ${score.toFixed(2)}`).join(', '));
  }
}
await store.close();
await embedder.close();
