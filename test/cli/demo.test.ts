import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DemoOptions, runDemo } from '../../src/cli/commands/demo.js';
import { loadDemoSet } from '../../src/cli/demo/data-set.js';
import { captionOf, figuresTable } from '../../src/cli/demo/figures.js';
import { FakeEmbedder } from './fake-embedder.js';
import { testContext } from './run-cli.js';

describe('the caption follows from the figures', () => {
  const figures = { bm25: 0.321, instant: 0.533, ownThought: 0.37, expertThought: 0.919 };

  test('own thoughts that hurt', () => {
    expect(captionOf(figures, 0.0001, 'never')).toMatch(
      /^The model's own thoughts hurt: 16\.3 points below the instant vector \(p < 0\.001\)\. .* gain 38\.6 points, .*does not think unless asked/,
    );
  });

  test('own thoughts that help, or do nothing, and an expert who is no better', () => {
    expect(captionOf({ ...figures, ownThought: 0.6 }, 0.012, 'always')).toMatch(
      /help: 6\.7 points above the instant vector \(p = 0\.012\)\. .*thinks by default/,
    );
    expect(captionOf({ ...figures, ownThought: 0.54 }, 0.38, 'never')).toMatch(
      /neither help nor hurt here: 0\.7 points above the instant vector, which is within chance \(p = 0\.38\)/,
    );
    expect(captionOf({ ...figures, expertThought: 0.5 }, 0.5, 'never')).toMatch(
      /Even an expert's thoughts bring no more/,
    );
  });

  test('the table', () => {
    expect(figuresTable(figures).split('\n')[1]).toBe('BM25                                       .321');
  });
});

describe('the demo without a model, on the whole corpus and every tenth query', () => {
  let home: string;
  const embedder = new FakeEmbedder();
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'o1-demo-'));
  });
  afterAll(() => rm(home, { recursive: true, force: true }));

  async function demo(options: DemoOptions): Promise<string> {
    const set = await loadDemoSet();
    const sparse = <T>(list: readonly T[]) => list.filter((_, i) => i % 10 === 0);
    const queries = sparse(set.queries);
    const qrels = new Map(queries.map(({ id }) => [id, set.qrels.get(id)!]));
    let stdout = '';
    const context = testContext({
      stdout: { write: (text) => (stdout += text) },
      loadEmbedder: async () => embedder,
      environment: { O1_CACHE: home },
    });
    await runDemo(context, options, { ...set, queries, qrels, expertThoughts: sparse(set.expertThoughts) });
    return stdout;
  }

  test('indexes the Node API set, asks five queries and measures', async () => {
    // What another run has left, and spoilt: --fresh does not look at it.
    const hash = createHash('sha256').update(embedder.fingerprint).digest('hex').slice(0, 12);
    const left = join(home, 'indexes', `demo-${hash}`);
    await mkdir(left, { recursive: true });
    await writeFile(join(left, 'manifest.json'), '{');
    const { examples, ndcg10, index } = JSON.parse(await demo({ fresh: true, json: true }));
    expect(index).toMatchObject({ folder: left, embedded: 2092, documents: 2092 });
    expect(examples).toHaveLength(5);
    expect(examples[0].right).toEqual(['inspector.DOMStorage.domStorageItemsCleared']);
    expect(ndcg10.bm25).toBeGreaterThan(0.2);
    // Hashed words know little, but an expert's thought names the API.
    expect(ndcg10.expertThought).toBeGreaterThan(ndcg10.instant);
    expect(ndcg10.ownThought).toBe(ndcg10.instant);
  });

  test('the next run embeds nothing', async () => {
    expect(await demo({})).toMatch(/embedded 0 documents, 2092 unchanged[\s\S]*✓[\s\S]*nDCG@10 over the 20 test/);
  });
});
