import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { tinyBase, tinyRecipe, writeTinyData } from '../../test/support/tiny-training.js';
import { readMetrics } from './metrics-log.js';
import { train } from './train.js';
import type { TrainEvent } from './train-event.js';

let work: string;
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'o1-several-sets-'));
  for (const name of ['first', 'second']) await writeTinyData(join(work, 'data', name));
});
afterAll(() => rm(work, { recursive: true, force: true }));

/** Two sets whose queries and documents have the same ids; the second one has title pairs. With dropout on the adapter. */
function recipe() {
  const { data, stages, ...rest } = tinyRecipe(work);
  const set = (name: string, titles: boolean) => {
    const folder = join(work, 'data', name);
    return { ...data[0]!, name, folder, thoughts: join(folder, 'thoughts.jsonl'), titles };
  };
  const short = stages.map((stage) => ({ ...stage, epochs: 0.12, titles: 2 }));
  const lora = { ...rest.lora, dropout: 0.1 };
  return { ...rest, lora, data: [set('first', false), set('second', true)], stages: short };
}

const run = (name: string, options: Partial<Parameters<typeof train>[2]> = {}) =>
  train(recipe(), tinyBase(), { output: join(work, name), threads: 1, ...options });
const weights = (name: string) => readFile(join(work, name, 'adapter_model.safetensors'));

test('two sets are trained in one run, each validated on its own, and a stop changes no bit', async () => {
  const report = await run('whole');
  expect(report.steps).toBe(12);
  expect(report.settings).toMatchObject({ training: { queries: 140 } });
  const metrics = await readMetrics(join(work, 'whole', 'metrics.jsonl'));
  const sets = metrics.flatMap((record) => (record.type === 'step' ? [record.set] : []));
  expect([...sets].sort()).toEqual(['first', 'second'].flatMap((name) => new Array(6).fill(name)));
  for (const record of metrics) {
    if (record.type !== 'validation') continue;
    expect(Object.keys(record.sets)).toEqual(['first', 'second']);
    expect(record.instantNdcg10).toBeCloseTo((record.sets.first! + record.sets.second!) / 2, 12);
  }
  expect(metrics.find(({ type }) => type === 'thoughts')).toMatchObject({ queries: 140 });

  for (const last of [3, 10]) {
    const name = `stopped-${last}`;
    const controller = new AbortController();
    const reason = new Error('stopped');
    const onEvent = (event: TrainEvent) => {
      if (event.type === 'step' && event.record.step === last) controller.abort(reason);
    };
    await expect(run(name, { signal: controller.signal, onEvent })).rejects.toBe(reason);
    await run(name, { resume: true });
    expect(await weights(name)).toEqual(await weights('whole'));
  }
});

test('a set without thoughts may be trained on in stages without; a query that stands in two sets counts once', async () => {
  const { data, stages, ...rest } = recipe();
  const [first, second] = data as [(typeof data)[number], (typeof data)[number]];
  const { thoughts: _, ...silent } = { ...second, name: 'silent' };
  const { thoughts: __, ...unused } = { ...second, name: 'unused', folder: join(work, 'data', 'second') };
  const settings = {
    ...rest,
    data: [first, { ...first, name: 'again' }, silent, unused],
    stages: [
      { ...stages[0]!, sets: ['silent'] },
      { ...stages[1]!, sets: ['first', 'again'], titles: 0 },
    ],
  };
  const report = await train(settings, tinyBase(), { output: join(work, 'uneven'), threads: 1 });
  expect(report.settings).toMatchObject({ training: { queries: 140 } });
});
