import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Interrupted } from '../../src/cli/context.js';
import { modelConfig } from '../../src/cli/export/model-config.js';
import {
  EMBEDDING,
  ggufTokenizerFiles,
  LAYER_LINEARS,
  linearName,
  linearShape,
  writeSafetensors,
} from '../../src/decoder/index.js';
import { O1Embedder } from '../../src/embedder/index.js';
import { randomWeights, TINY_CONFIG } from '../../src/testing/index.js';
import { runCli } from '../cli/run-cli.js';
import { tinyRecipe, writeTinyData } from '../support/tiny-training.js';

const VOCABULARY = fileURLToPath(new URL('../fixtures/tokenizers/ggml-vocab-gpt-2.gguf', import.meta.url));
const TOKENS = { query: 257, document: 258, thought: 259, embedding: 260, end: 256 };

let work: string;
let recipe: string;

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'o1-train-cli-'));
  const model = join(work, 'model');
  await writeTinyData(join(work, 'data'));
  await writeModel(model);
  recipe = join(work, 'recipe.json');
  const {
    data: [set],
    ...rest
  } = tinyRecipe('data');
  await writeFile(
    recipe,
    JSON.stringify({ ...rest, base: { model, tokens: TOKENS }, data: [{ ...set, thoughts: 'data/thoughts.jsonl' }] }),
  );
});
afterAll(() => rm(work, { recursive: true, force: true }));

interface ByteLevelTokenizer {
  readonly model: { readonly vocab: Record<string, number> };
  readonly added_tokens: readonly { readonly id: number }[];
}

/** GPT-2's tokenizer with its first 256 tokens, the bytes, and the end of a text as the 257th. */
function bytesOnly(tokenizer: ByteLevelTokenizer): object {
  const { model, added_tokens: added } = tokenizer;
  const vocab = Object.fromEntries(Object.entries(model.vocab).filter(([, id]) => id < 256));
  const end = added.find(({ id }) => id === 50_256);
  return { ...tokenizer, added_tokens: [{ ...end, id: TOKENS.end }], model: { ...model, vocab, merges: [] } };
}

/** A tiny random model as a folder in Hugging Face's format. */
async function writeModel(folder: string): Promise<void> {
  await mkdir(folder);
  const { hiddenSize, layers } = TINY_CONFIG;
  const weights = randomWeights(TINY_CONFIG, 1);
  const shapes = new Map<string, readonly number[]>([
    [EMBEDDING, [TINY_CONFIG.vocabularySize, hiddenSize]],
    ['model.norm.weight', [hiddenSize]],
  ]);
  for (let layer = 0; layer < layers; layer++) {
    for (const linear of LAYER_LINEARS) shapes.set(linearName(layer, linear), linearShape(TINY_CONFIG, linear));
    for (const norm of ['input_layernorm', 'post_attention_layernorm']) {
      shapes.set(`model.layers.${layer}.${norm}.weight`, [hiddenSize]);
    }
  }
  const tensors = [...shapes].map(([name, shape]) => ({ name, shape, data: () => weights.read(name) }));
  await writeSafetensors(join(folder, 'model.safetensors'), tensors);
  const { 'tokenizer.json': tokenizer } = await ggufTokenizerFiles(VOCABULARY);
  await writeFile(join(folder, 'tokenizer.json'), JSON.stringify(bytesOnly(tokenizer as ByteLevelTokenizer)));
  await writeFile(join(folder, 'config.json'), JSON.stringify(modelConfig(TINY_CONFIG, TOKENS.end)));
}

const train = (...args: string[]) => runCli(['train', '--config', recipe, '--offline', ...args]);

test('train makes an adapter that the embedder loads, and says how it went', async () => {
  const output = join(work, 'adapter');
  const { code, stdout, stderr } = await train('--output', output, '--json');
  expect(stderr).toMatch(/9 steps, [\d,]+ tokens at [\d,]+ tokens\/s: about \d+ s\./);
  expect(stderr).toMatch(/Stage 3 of 3, own thoughts: 3 steps\.\n/);
  expect(stderr).toMatch(/After step 9: nDCG@10 [\d.]+ \(instant, dev\)\./);
  expect(stderr).toMatch(
    /With the adapter, 2 thoughts at temperature 0\.6(, instant weight [\d.]+)?: nDCG@10 [\d.]+ \(dev\)\./,
  );
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ adapter: output, steps: 9 });
  const embedder = await O1Embedder.load({ adapter: output, mode: 'fp32', offline: true, threads: 1 });
  const { vector, thoughts } = await embedder.embedQuery('how to open a file', { think: 'always' });
  expect([vector.length, thoughts.length]).toEqual([32, embedder.settings.thinking.thoughts]);
  await embedder.close();
});

test('Ctrl-C leaves a checkpoint, and --resume goes on', async () => {
  const output = join(work, 'stopped');
  const controller = new AbortController();
  const stderr = {
    write(text: string) {
      if (text.includes('Stage 2')) controller.abort(new Interrupted('SIGINT'));
    },
  };
  const args = ['train', '--config', recipe, '--offline', '--output', output];
  const stopped = await runCli(args, { signal: controller.signal, stderr });
  expect(stopped.code).toBe(130);
  const { code, stderr: said, stdout } = await train('--output', output, '--resume');
  expect(said).toContain('Going on after step 3.');
  expect([code, stdout]).toEqual([0, expect.stringMatching(/stopped: 9 steps, .* tokens, nDCG@10 .* \(instant\)/)]);
  const weights = (name: string) => readFile(join(work, name, 'adapter_model.safetensors'));
  expect(await weights('stopped')).toEqual(await weights('adapter'));
});

test('flags change the recipe', async () => {
  const output = join(work, 'flags');
  const { code } = await train('--output', output, '--batch', '7', '--learning-rate', '0.001', '--seed', '3');
  expect(code).toBe(0);
  const saved = JSON.parse(await readFile(join(output, 'recipe.json'), 'utf8'));
  expect(saved).toMatchObject({ seed: 3, stages: [{ batch: 7, learningRate: 0.001 }, { batch: 7 }, { batch: 7 }] });
});

test('a recipe with an unknown key is an error with file and key', async () => {
  const path = join(work, 'wrong.json');
  await writeFile(path, JSON.stringify({ ...JSON.parse(await readFile(recipe, 'utf8')), tempo: 3 }));
  const { code, stderr } = await runCli(['train', '--config', path]);
  expect(code).toBe(1);
  expect(stderr).toMatch(/wrong\.json: .*tempo/);
});
