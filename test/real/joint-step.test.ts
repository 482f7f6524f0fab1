import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { openCheckpoint, openSafetensors } from '../../src/decoder/index.js';
import { resolveModel } from '../../src/models/index.js';
import {
  cachedJointStep,
  directJointStep,
  type JointBatch,
  type JointLoss,
  loraShapes,
  ParameterSet,
  ThoughtCrossEntropy,
  TOKEN_ROWS,
  TrainingModel,
} from '../../src/train/index.js';
import { REFERENCE_ADAPTER } from '../support/reference-adapter.js';

const repository = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** One training step of the method in PyTorch, with the adapter of `test/fixtures/adapters/node-api-reference`. */
interface ReferenceStep {
  readonly queries: readonly number[][];
  readonly query_only_emb_index: readonly number[];
  readonly documents: readonly number[][];
  readonly loss: Record<'query_only' | 'thought' | 'generation' | 'total', number>;
  /** Of each tensor the gradient's norm and its values at some flat indices. */
  readonly gradients: Record<string, { shape: number[]; norm: number; at: number[]; values: number[] }>;
}

const MARKS = [3, 5, 11, 16];

test('the joint step agrees with PyTorch both ways: loss parts, and the gradient of every tensor', async () => {
  const files = await resolveModel('smollm2-135m-instruct');
  const checkpoint = await openCheckpoint(files);
  const reference: ReferenceStep = JSON.parse(
    gunzipSync(readFileSync(repository('test/fixtures/train/joint-step.json.gz'))).toString(),
  );
  const adapter = await openSafetensors(join(REFERENCE_ADAPTER, 'adapter_model.safetensors'));
  const parameters = new ParameterSet(loraShapes(checkpoint.config, 32, MARKS.length));
  for (const { name } of parameters.shapes) parameters.view(name).set(await adapter.read(name));
  await adapter.close();
  const model = await TrainingModel.create(checkpoint, parameters, {
    rank: 32,
    scale: 2,
    maxPositions: 256,
    markTokens: MARKS,
  });
  const crossEntropy = await ThoughtCrossEntropy.create(model.embedding, checkpoint.config.hiddenSize, MARKS);
  await checkpoint.close();

  const batch: JointBatch = {
    queries: reference.queries.map((tokens, i) => ({
      tokens,
      instantAt: reference.query_only_emb_index[i]!,
      cloned: true,
    })),
    documents: reference.documents.map((tokens) => ({ tokens })),
    positives: reference.queries.map((_, i) => i),
  };
  for (const [way, step] of Object.entries({ cachedJointStep, directJointStep })) {
    const gradients = parameters.zeros();
    const loss = await step(model, crossEntropy, batch, gradients);
    expectAgreement(reference, loss, gradients, way);
  }
  await model.close();
  await crossEntropy.close();
});

function expectAgreement(reference: ReferenceStep, loss: JointLoss, gradients: ParameterSet, way: string): void {
  const parts = { query_only: loss.instant, thought: loss.thought, generation: loss.generation, total: loss.total };
  for (const [part, value] of Object.entries(reference.loss)) {
    expect(Math.abs(parts[part as keyof typeof parts] - value), `${way}: ${part}`).toBeLessThan(1e-4);
  }
  expect(Object.keys(reference.gradients)).toHaveLength(421);
  const wrong: string[] = [];
  for (const [name, { norm, at, values }] of Object.entries(reference.gradients)) {
    const gradient = gradients.view(name === 'token_rows' ? TOKEN_ROWS : name);
    const ours = Math.sqrt(gradient.reduce((sum, value) => sum + value * value, 0));
    if (Math.abs(ours - norm) > 1e-3 * norm) wrong.push(`${name}: norm ${ours}, reference ${norm}`);
    const typical = norm / Math.sqrt(gradient.length);
    at.forEach((index, i) => {
      // Relative to the value, or to the tensor's typical one where the value is far below it.
      const scale = Math.max(Math.abs(values[i]!), typical);
      if (Math.abs(gradient[index]! - values[i]!) > 1e-3 * scale) {
        wrong.push(`${name}[${index}]: ${gradient[index]}, reference ${values[i]}`);
      }
    });
  }
  expect(wrong, way).toEqual([]);
}
