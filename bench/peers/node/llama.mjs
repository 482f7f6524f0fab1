/**
 * The node-llama-cpp peer: a worker (see `lib/worker.mjs`) that decodes greedily with llama.cpp on the CPU.
 * Run with the folder node-llama-cpp is installed in as its only argument.
 */
import { createRequire } from 'node:module';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const require = createRequire(path.join(process.argv[2] ?? '.', 'package.json'));
// Resolved by hand: the package exports no CommonJS entry, which `require.resolve` would ask for.
const home = require.resolve.paths('node-llama-cpp')?.[0] ?? '';
const { getLlama } = await import(pathToFileURL(path.join(home, 'node-llama-cpp', 'dist', 'index.js')).href);

const llama = await getLlama({ gpu: false, build: 'never', logLevel: 'error', maxThreads: 0 });
/**
 * The peer's types are not installed with ours.
 * @type {any}
 */
let model;
/** One context for each number of threads, made when first asked for. */
const contexts = new Map();

/** @type {Record<string, (params: any) => Promise<unknown>>} */
const methods = {
  async load({ path: modelPath }) {
    model = await llama.loadModel({ modelPath });
    return llama.systemInfo.trim();
  },

  /** Tokens a second over the steps after the first token: the prompt and the first token are not counted. */
  async decode({ prompt, tokens, threads }) {
    if (!contexts.has(threads)) {
      const context = await model.createContext({ contextSize: 512, threads });
      contexts.set(threads, context.getSequence());
    }
    const sequence = contexts.get(threads);
    await sequence.clearHistory();
    const ids = model.tokenize(prompt);
    let count = 0;
    let start = 0;
    const text = [];
    // With `yieldEogToken` generation goes on past the end of the text.
    for await (const token of sequence.evaluate(ids, { temperature: 0, yieldEogToken: true })) {
      if (count === 0) start = performance.now();
      text.push(token);
      count += 1;
      if (count > tokens) break;
    }
    const seconds = (performance.now() - start) / 1000;
    return { tokensPerSecond: tokens / seconds, promptTokens: ids.length, text: model.detokenize(text) };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { method, params } = JSON.parse(line);
  let answer;
  try {
    answer = { result: await methods[method]?.(params) };
  } catch (error) {
    answer = { error: String(error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await llama.dispose();
