import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { compiledSource } from '../../test/support/compile.js';
import { FakeLlm } from '../../test/support/fake-llm.js';
import { tinyRetrievalSet } from '../../test/support/tiny-retrieval-set.js';
import { fraction } from './index.js';

const CONCURRENCY = 2;
const RANDOM_KILLS = 10;
const tiny = tinyRetrievalSet();

/**
 * What the child processes run: one stage, from wherever it stands in the folder. The expert is a fake endpoint; the vectors of
 * the committee's members depend on their neighbours, as those of int8 models.
 */
const script = (source: string, baseURL: string) => `
import { writeSync } from 'node:fs';
const at = (path) => import('${pathToFileURL(`${source}/`)}' + path);
const { inOutputFolder } = await at('synth/output-folder.js');
const [stage, output] = process.argv.slice(2);

const tiny = { documents: ${JSON.stringify(tiny.documents)}, queries: ${JSON.stringify(tiny.queries)} };
const qrels = new Map(tiny.queries.map(({ id }, i) => [id, new Map([[tiny.documents[i].id, 1]])]));
const countTokens = (text) => text.split(/\\s+/).length;
const asking = async () => {
  const { openaiCompatible } = await at('llm/index.js');
  const model = openaiCompatible({ baseURL: '${baseURL}', model: 'fake' });
  return { output, model, countTokens, concurrency: ${CONCURRENCY} };
};

const words = Array.from({ length: 600 }, (_, i) => 'word' + (i % 90) + ' and word' + (i % 7));
const some = words.slice(0, 200);
const set = {
  documents: words.map((text, i) => ({ id: 'd' + i, title: '', text })),
  queries: some.map((text, i) => ({ id: 'q' + i, text })),
  qrels: new Map(some.map((_, i) => ['q' + i, new Map([['d' + i, 1]])])),
};
const candidates = some.map((text, i) => ({ id: 'q' + i, thoughts: [text, 'word' + i, 'other ' + text] }));
const dense = (HashingEncoder, seed) => ({
  kind: 'dense',
  name: 'dense ' + seed,
  load: async () => {
    const encoder = new HashingEncoder({ seed, neighbours: true });
    return {
      name: 'dense', dimensions: encoder.dimensions, fingerprint: encoder.fingerprint,
      embed: (texts, options) => encoder.embedDocuments(texts, options), close: async () => {},
    };
  },
});
const committee = async () => {
  const { HashingEncoder } = await at('testing/hashing-encoder.js');
  const members = [{ kind: 'sparse', name: 'bm25' }, dense(HashingEncoder, 0), dense(HashingEncoder, 1)];
  return { set, members, output };
};

// Each loads what it needs and no more: there are many runs.
const stages = {
  queries: async () => {
    const { synthesiseQueries } = await at('synth/queries/synthesise-queries.js');
    const options = { ...(await asking()), documents: tiny.documents, roundTrip: { top: 8 } };
    return () => synthesiseQueries(options);
  },
  thoughts: async () => {
    const { exploreThoughts } = await at('synth/explore/explore-thoughts.js');
    const options = { ...(await asking()), set: { ...tiny, qrels } };
    return () => exploreThoughts(options);
  },
  refine: async () => {
    const { refineCandidates } = await at('synth/committee/index.js');
    const options = { ...(await committee()), candidates };
    return () => refineCandidates(options);
  },
  negatives: async () => {
    const { mineNegatives } = await at('synth/negatives/index.js');
    const options = { ...(await committee()), share: 1.1 };
    return () => mineNegatives(options);
  },
};
const work = await stages[stage]();
writeSync(1, 'started');
await inOutputFolder(output, work);
`;

/** Moments that chance may miss; each is reached from where the one before it has left the folder. */
const NAMED_MOMENTS = {
  queries: ['synth-answer:2', 'journal-before-flush:2', 'synth-queries', 'synth-query-set', 'synth-queries-manifest'],
  thoughts: ['journal-before-write:2', 'journal-after-flush:1', 'synth-candidates', 'synth-manifest'],
  refine: ['journal-before-write:2', 'journal-before-flush:4', 'journal-after-flush:3', 'refine-before-write'],
  negatives: ['vectors-before-rename', 'vectors-before-rename:5', 'journal-before-flush:2', 'negatives-before-write'],
};
type Stage = keyof typeof NAMED_MOMENTS;

let endpoint: FakeLlm;
let work: string;
let scriptPath: string;

beforeAll(async () => {
  const source = await compiledSource();
  endpoint = await FakeLlm.start();
  // Long enough for the random moments to fall among the answers.
  endpoint.delayMs = 20;
  work = await mkdtemp(join(tmpdir(), 'o1-synth-crash-'));
  // Beside the compiled source, from where the libraries can be found.
  scriptPath = join(source, '..', `synth-crash-${process.pid}.mjs`);
  await writeFile(scriptPath, script(source, endpoint.baseURL));
}, 300_000);
beforeEach(() => {
  endpoint.seen.length = 0;
});
afterAll(async () => {
  await endpoint.close();
  await rm(work, { recursive: true, force: true });
  await rm(scriptPath, { force: true });
});

/** Every file of a folder but the journal, whose order is that of the answers. */
async function result(folder: string): Promise<Record<string, string>> {
  const names = (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && !entry.parentPath.startsWith(join(folder, 'journal')))
    .map(({ parentPath, name }) => join(parentPath, name));
  const pairs = names.map(async (path) => [path.slice(folder.length), await readFile(path, 'utf8')]);
  return Object.fromEntries(await Promise.all(pairs));
}

/** Runs a child; with `killAfterMs` it is killed that long after it has started to work. */
function start(
  stage: Stage,
  folder: string,
  options: { readonly crashAt?: string; readonly killAfterMs?: number } = {},
): Promise<{ readonly killed: boolean; readonly workedMs: number }> {
  const { crashAt = '', killAfterMs } = options;
  const child = spawn(process.execPath, [scriptPath, stage, folder], {
    env: { ...process.env, O1_CRASH_AT: crashAt },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [errors, begin] = ['', performance.now()];
  let timer: NodeJS.Timeout | undefined;
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  child.stdout.once('data', () => {
    begin = performance.now();
    if (killAfterMs !== undefined) timer = setTimeout(() => child.kill('SIGKILL'), killAfterMs);
  });
  return new Promise((resolve, reject) => {
    child.on('exit', (code, signal) => {
      clearTimeout(timer);
      const killed = signal === 'SIGKILL';
      if (killed || code === 0) resolve({ killed, workedMs: performance.now() - begin });
      else reject(new Error(`the child ended with ${code}: ${errors}`));
    });
  });
}

test.each<Stage>(['queries', 'thoughts', 'refine', 'negatives'])(
  '%s: kill -9 at named moments and at ten random ones, and the files are those of a run without a stop',
  { timeout: 600_000 },
  async (stage) => {
    const folder = (name: string) => join(work, `${stage}-${name}`);
    const { workedMs } = await start(stage, folder('whole'));
    const whole = await result(folder('whole'));
    expect(Object.keys(whole)).toContain('/manifest.json');
    const asked = endpoint.answered();
    expect([...asked.values()].every((times) => times === 1)).toBe(true);
    expect(asked.size).toBe(stage === 'queries' || stage === 'thoughts' ? 24 : 0);
    endpoint.seen.length = 0;

    /** A run that nothing stops has come to its end, after so many that were killed. */
    async function expectWhole(finished: string, kills: number): Promise<void> {
      expect(await result(finished)).toEqual(whole);
      // Nothing that was answered is asked again, but for what was under way at a kill.
      const again = endpoint.answered();
      expect(new Set(again.keys())).toEqual(new Set(asked.keys()));
      const total = [...again.values()].reduce((sum, times) => sum + times, 0);
      expect(total - asked.size).toBeLessThanOrEqual(kills * CONCURRENCY);
      endpoint.seen.length = 0;
    }

    for (const crashAt of NAMED_MOMENTS[stage]) {
      expect((await start(stage, folder('named'), { crashAt })).killed, crashAt).toBe(true);
    }
    await start(stage, folder('named'));
    await expectWhole(folder('named'), NAMED_MOMENTS[stage].length);

    let [kills, killsHere, runs, round] = [0, 0, 0, 0];
    let spanMs = workedMs;
    while (kills < RANDOM_KILLS) {
      // Spread over a whole run. One that goes on from a kill may be done sooner: then it is compared, and all begins anew.
      const killAfterMs = spanMs * fraction('moment', stage, runs++);
      if ((await start(stage, folder(`random-${round}`), { killAfterMs })).killed) {
        kills++;
        killsHere++;
        spanMs *= 1.2;
      } else {
        // The machine may be quicker by now than in the first run.
        spanMs /= 1.5;
        await expectWhole(folder(`random-${round++}`), killsHere);
        killsHere = 0;
      }
      expect(runs).toBeLessThan(10 * RANDOM_KILLS);
    }
    await start(stage, folder(`random-${round}`));
    await expectWhole(folder(`random-${round}`), killsHere);
    await start(stage, folder(`random-${round}`));
    expect(endpoint.seen).toEqual([]);
  },
);
