import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type CliContext, Interrupted } from '../../src/cli/context.js';
import { modelConfig } from '../../src/cli/export/model-config.js';
import { writeModel } from '../../src/cli/export/write-model.js';
import { type Checkpoint, Decoder, generate, openCheckpoint } from '../../src/decoder/index.js';
import { resolveModel } from '../../src/models/index.js';
import { TINY_CONFIG, TINY_SETTINGS } from '../../src/testing/index.js';
import { FakeEmbedder } from './fake-embedder.js';
import { runCli } from './run-cli.js';

const FIXTURES = fileURLToPath(new URL('../fixtures/tiny-models', import.meta.url));

let home: string;
let embedder: FakeEmbedder;
let context: Partial<CliContext>;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'o1-cli-'));
  embedder = new FakeEmbedder({ 'watch a folder': 'fs.watch tells of changes' });
  context = { loadEmbedder: async () => embedder, environment: { O1_CACHE: join(home, 'cache') } };
});
afterEach(() => rm(home, { recursive: true, force: true }));

async function jsonlFile(lines: readonly string[]): Promise<string> {
  const path = join(home, 'faq.jsonl');
  await writeFile(path, lines.map((line) => `${line}\n`).join(''));
  return path;
}

describe('index', () => {
  const LINES = [
    '{"key":1,"answer":"Turn it off and on."}',
    '{"key":2}',
    '{"key":3,"answer":"Ask again.","name":"Again"}',
  ];
  const FIELDS = ['--id-field', 'key', '--title-field', 'name', '--text-field', 'answer'];

  test('a bad line is reported with its number', async () => {
    const path = await jsonlFile(LINES);
    const { code, stderr } = await runCli(['index', path, ...FIELDS], context);
    expect([code, stderr]).toEqual([1, expect.stringContaining(`error: ${path}:2: field "answer": expected a string`)]);
  });

  test('--skip-bad goes on and says what was left out', async () => {
    const path = await jsonlFile(LINES);
    const index = join(home, 'index');
    const { code, stdout, stderr } = await runCli(
      ['index', path, ...FIELDS, '--skip-bad', '--index', index, '--json'],
      context,
    );
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ index, encoder: 'hashing-0', embedded: 2, documents: 2, badLines: 1 });
    expect(stderr).toContain(`Left out 1 bad line:\n  ${path}:2: field "answer"`);
    expect(embedder.calls.flat()).toEqual(['Turn it off and on.', 'Again\nAsk again.']);
  });

  test('a stop keeps what was committed, and the next run goes on from there', async () => {
    const path = await jsonlFile(Array.from({ length: 300 }, (_, i) => `{"_id":"${i}","text":"text number ${i}"}`));
    const controller = new AbortController();
    class Stopping extends FakeEmbedder {
      override async embedDocuments(texts: readonly string[], options = {}) {
        if (this.calls.length === 1) controller.abort(new Interrupted('SIGINT'));
        return super.embedDocuments(texts, options);
      }
    }
    const stopping = { ...context, loadEmbedder: async () => new Stopping(), signal: controller.signal };
    const { code, stdout, stderr } = await runCli(['index', path], stopping);
    expect([code, stdout]).toEqual([130, '']);
    expect(stderr).toMatch(/Stopped\. What was finished is kept/);
    const next = await runCli(['index', path, '--json'], context);
    expect(JSON.parse(next.stdout)).toMatchObject({ embedded: 172, unchanged: 128, documents: 300 });
  });

  test('a file of another kind is refused', async () => {
    const path = join(home, 'table.csv');
    await writeFile(path, 'a,b\n');
    const { code, stderr } = await runCli(['index', path], context);
    expect([code, stderr]).toEqual([1, expect.stringContaining('table.csv: expected a .jsonl or .jsonl.gz file')]);
  });
});

describe('think', () => {
  test('prints the thought, the cosine and the times', async () => {
    const { stdout } = await runCli(['think', 'watch a folder'], context);
    expect(stdout).toMatch(/^thought: fs\.watch tells of changes\ncosine of instant and final vector: 0\.\d{4}\n/);
    expect(embedder.asked[0]!.think).toBe('always');
  });

  test('--json has both vectors, and their cosine', async () => {
    const { stdout } = await runCli(['think', 'watch a folder', '--json'], context);
    const { instant, vector, cosine, thoughts, timings } = JSON.parse(stdout);
    expect(instant).toHaveLength(512);
    expect(cosine).toBeCloseTo(
      instant.reduce((sum: number, value: number, i: number) => sum + value * vector[i], 0),
      5,
    );
    expect(thoughts).toEqual([{ text: 'fs.watch tells of changes', finishReason: 'stop', logProbability: -0.5 }]);
    expect(timings).toMatchObject({ prefillMs: 1, thinkMs: 2 });
  });
});

describe('fetch', () => {
  test('says where a model is', async () => {
    const path = join(FIXTURES, 'tiny_llama_f32.gguf');
    const { code, stdout } = await runCli(['fetch', path, '--json'], context);
    expect([code, JSON.parse(stdout)]).toMatchObject([0, { format: 'gguf', path }]);
    expect((await runCli(['fetch', path], context)).stdout).toContain(`\n${path}\n`);
  });

  test('an unknown name lists the known ones', async () => {
    const { code, stderr } = await runCli(['fetch', 'smollm', '--offline'], context);
    expect([code, stderr]).toEqual([1, expect.stringContaining('Known names: smollm2-135m-instruct')]);
  });
});

describe('export', () => {
  const options = { signal: new AbortController().signal, onProgress: () => {} };
  const open: Checkpoint[] = [];
  const openModel = async (spec: string) => {
    const files = await resolveModel(spec, { cacheDir: join(home, 'cache') });
    const checkpoint = await openCheckpoint(files);
    open.push(checkpoint);
    return { files, checkpoint, weights: checkpoint, settings: TINY_SETTINGS };
  };
  afterEach(async () => {
    for (const checkpoint of open.splice(0)) await checkpoint.close();
  });

  test.each(['tiny_llama_f32.gguf', 'tiny_qwen3.gguf', 'tiny_llama_q8.gguf'])(
    '%s comes back with the same settings, token ids and continuation',
    async (file) => {
      const model = await openModel(join(FIXTURES, file));
      const folder = join(home, 'exported');
      await writeModel(folder, model, { ...options, dtype: 'fp32' });
      const { checkpoint } = model;
      const { checkpoint: exported } = await openModel(folder);
      expect(exported.config).toEqual(checkpoint.config);
      const text = 'The cat,  12 Grüße\n';
      expect(exported.tokenizer.encode(text)).toEqual(checkpoint.tokenizer.encode(text));
      expect(exported.tokenizer.endOfText).toBe(checkpoint.tokenizer.endOfText);
      const continued = [];
      for (const weights of [checkpoint, exported]) {
        const decoder = await Decoder.load(weights, { mode: 'fp32', threads: 1 });
        continued.push(await generate(decoder, [[1, 2, 3]], { maxTokens: 8 }));
        await decoder.close();
      }
      expect(continued[1]).toEqual(continued[0]);
      expect(JSON.parse(await readFile(join(folder, 'o1.json'), 'utf8'))).toEqual(TINY_SETTINGS);
    },
  );

  test('a folder that holds something is left alone', async () => {
    const model = await openModel(join(FIXTURES, 'tiny_llama_f32.gguf'));
    await writeFile(join(home, 'precious.txt'), 'x');
    await expect(writeModel(home, model, { ...options, dtype: 'fp16' })).rejects.toThrow(
      'expected a new or empty folder',
    );
  });

  test('a sliding window is said in the words of each family', () => {
    const config = (family: 'mistral' | 'qwen2', slidingWindow: number | undefined) =>
      modelConfig({ ...TINY_CONFIG, family, slidingWindow }, 1);
    expect(config('mistral', undefined).sliding_window).toBeNull();
    expect(config('mistral', 64).sliding_window).toBe(64);
    expect(config('qwen2', 64)).toMatchObject({ sliding_window: 64, use_sliding_window: true, max_window_layers: 0 });
  });
});
