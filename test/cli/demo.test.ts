import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CliContext } from '../../src/cli/context.js';
import { captionOf, figuresTable } from '../../src/cli/demo/figures.js';
import { FakeEmbedder } from './fake-embedder.js';
import { runCli } from './run-cli.js';

describe('the caption follows from the figures', () => {
  const figures = { bm25: 0.321, instant: 0.533, ownThought: 0.37, expertThought: 0.919 };

  test('own thoughts that hurt', () => {
    expect(captionOf(figures, 'never')).toMatch(
      /^The model's own thoughts hurt: 16\.3 points below the instant vector\. .* gain 38\.6 points, .*does not think unless asked/,
    );
  });

  test('own thoughts that help, or do nothing, and an expert who is no better', () => {
    expect(captionOf({ ...figures, ownThought: 0.6 }, 'always')).toMatch(/help: 6\.7 points above .*thinks by default/);
    expect(captionOf({ ...figures, ownThought: 0.531 }, 'never')).toMatch(/neither help nor hurt/);
    expect(captionOf({ ...figures, expertThought: 0.5 }, 'never')).toMatch(/Even an expert's thoughts bring no more/);
  });

  test('the table', () => {
    expect(figuresTable(figures).split('\n')[1]).toBe('BM25                                       .321');
  });
});

describe('the demo without a model', () => {
  let home: string;
  let context: Partial<CliContext>;
  const embedder = new FakeEmbedder();
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'o1-demo-'));
    context = { loadEmbedder: async () => embedder, environment: { O1_CACHE: home } };
  });
  afterAll(() => rm(home, { recursive: true, force: true }));

  test('indexes the Node API set, asks five queries and measures', async () => {
    const { code, stdout } = await runCli(['demo', '--json'], context);
    expect(code).toBe(0);
    const { examples, ndcg10, index } = JSON.parse(stdout);
    expect(index).toMatchObject({ embedded: 2092, documents: 2092 });
    expect(examples).toHaveLength(5);
    expect(examples[0].right).toEqual(['inspector.DOMStorage.domStorageItemsCleared']);
    // The data set's own README states BM25's figure.
    expect(ndcg10.bm25).toBeCloseTo(0.321, 3);
    // Hashed words know little, but an expert's thought names the API.
    expect(ndcg10.expertThought).toBeGreaterThan(ndcg10.instant);
    expect(ndcg10.ownThought).toBe(ndcg10.instant);
  });

  test('the next run embeds nothing, --fresh all', async () => {
    expect((await runCli(['demo'], context)).stdout).toMatch(
      /embedded 0 documents, 2092 unchanged[\s\S]*✓[\s\S]*nDCG@10/,
    );
    expect((await runCli(['demo', '--fresh'], context)).stdout).toMatch(/embedded 2,092 documents/);
  });
});
