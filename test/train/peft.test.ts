import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { openCheckpoint } from '../../src/decoder/index.js';
import { cosine, openAdapter, Sequences } from '../../src/embedder/index.js';
import { resolveModel } from '../../src/models/index.js';
import { loraShapes, ParameterSet } from '../../src/train/index.js';
import { loadAdapterWeights, loadTrained, saveAdapter } from '../../src/train/save-adapter.js';
import { REFERENCE_ADAPTER } from '../support/reference-adapter.js';

const run = promisify(execFile);
const script = fileURLToPath(new URL('../tools/check_adapter_peft.py', import.meta.url));
/** A Python with torch, transformers, gguf and peft. */
const python = process.env.O1_TEST_PYTHON ?? 'python3';
const missing = await run(python, ['-c', 'import torch, transformers, gguf, peft']).then(
  () => undefined,
  () => `${python} has no torch, transformers, gguf or peft (O1_TEST_PYTHON names another one)`,
);

const TEXTS = ['watch a folder for changes', 'how do I stop a timer'];
const THOUGHT = 'fs.watch calls a listener when a file or folder changes';
const DOCUMENT = 'fs.watch(filename)\nWatch for changes on filename.';

test(`a saved adapter loads with PEFT and gives the same vectors${missing ? `; skipped: ${missing}` : ''}`, async (context) => {
  context.skip(missing !== undefined, missing);
  const folder = await mkdtemp(join(tmpdir(), 'o1-peft-'));
  const files = await resolveModel('smollm2-135m-instruct');
  const base = await openCheckpoint(files);
  try {
    const reference = await openAdapter(REFERENCE_ADAPTER);
    const parameters = new ParameterSet(loraShapes(base.config, 32, 4));
    await loadAdapterWeights(join(reference.folder, 'adapter_model.safetensors'), parameters);
    const { settings } = reference;
    await saveAdapter(folder, parameters, { rank: 32, alpha: 64, settings }, base);

    const embedder = await loadTrained(folder, base, { mode: 'fp32' });
    const sequences = new Sequences(base.tokenizer, settings);
    const rows: { ids: readonly number[]; at: number }[] = [];
    const expected: Float32Array[] = [];
    for (const text of TEXTS) {
      const { ids, embeddingAt } = sequences.query(text);
      const whole = [...ids, ...sequences.thought(THOUGHT), ...sequences.closing];
      const { instant, vector } = await embedder.embedQuery(text, { thought: THOUGHT });
      rows.push({ ids, at: embeddingAt }, { ids: whole, at: whole.length - 1 });
      expected.push(instant, vector);
    }
    const { ids } = sequences.document(DOCUMENT);
    rows.push({ ids, at: ids.length - 1 });
    expected.push((await embedder.embedDocuments([DOCUMENT]))[0]!);
    await embedder.close();

    const input = join(folder, 'sequences.json');
    await writeFile(input, JSON.stringify(rows));
    if (files.format !== 'gguf') throw new Error('expected a GGUF file');
    const { stdout } = await run(python, [script, files.path, folder, input], { maxBuffer: 1e8 });
    const vectors = JSON.parse(stdout.trim().split('\n').at(-1)!) as number[][];
    const likeness = vectors.map((vector, i) => cosine(vector, expected[i]!));
    expect(likeness).toHaveLength(5);
    for (const value of likeness) expect(value).toBeGreaterThan(0.9999);
  } finally {
    await base.close();
    await rm(folder, { recursive: true, force: true });
  }
});
