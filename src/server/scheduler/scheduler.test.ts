import { setMaxListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { FakeEngine, type FakeEngineSettings, type Run } from '../../../test/support/fake-engine.js';
import type { QueryEvent, QueryOptions } from '../../embedder/index.js';
import { InvalidInputError } from '../../errors.js';
import { QueueFullError, ServiceUnavailableError } from '../service-errors.js';
import { Scheduler, type SchedulerSettings } from './scheduler.js';

function fixture(engineSettings: FakeEngineSettings = {}, settings: SchedulerSettings = {}) {
  const engine = new FakeEngine(engineSettings);
  return { engine, scheduler: new Scheduler(engine, { now: engine.now, ...settings }) };
}

async function all(events: AsyncIterable<QueryEvent>): Promise<QueryEvent[]> {
  const list: QueryEvent[] = [];
  for await (const event of events) list.push(event);
  return list;
}

async function final(events: AsyncIterable<QueryEvent>) {
  const event = (await all(events)).at(-1);
  if (event?.type !== 'final') throw new Error('no final event');
  return event;
}

const kinds = (runs: readonly Run[]) => runs.map((run) => (run.kind === 'step' ? run.rows : run.kind));

describe('queries', () => {
  test('an instant query is one run, a thought goes on step by step', async () => {
    const { engine, scheduler } = fixture();
    const instant = await all(scheduler.query('a b', { think: 'never' }));
    expect(instant.map(({ type }) => type)).toEqual(['instant', 'final']);
    expect(kinds(engine.runs)).toEqual(['read']);
    const thinking = await all(scheduler.query('a b', { think: 'always' }));
    expect(thinking.map(({ type }) => type)).toEqual(['instant', 'token', 'token', 'token', 'token', 'final']);
    expect(scheduler.load).toEqual({ waiting: 0, thinking: 0 });
  });

  test('a query joins the running thoughts at their next step', async () => {
    const { engine, scheduler } = fixture();
    const first = scheduler.query('first', { think: 'always' });
    const seen: string[] = [];
    let second: Promise<QueryEvent[]> | undefined;
    for await (const event of first) {
      seen.push(event.type);
      if (seen.length === 3) second = all(scheduler.query('second', { think: 'always' }));
    }
    await second;
    expect(kinds(engine.runs)).toContain(2);
    expect(engine.runs.filter(({ kind }) => kind === 'step').length).toBeLessThan(8);
  });

  test('queries that come together are read together', async () => {
    const { engine, scheduler } = fixture();
    await Promise.all(['a', 'b', 'c'].map((text) => all(scheduler.query(text, { think: 'never' }))));
    expect(engine.runs).toEqual([{ kind: 'read', texts: ['a', 'b', 'c'] }]);
  });

  test('a run reads no more tokens than it may', async () => {
    // Each query is one word and five marks.
    const { engine, scheduler } = fixture({}, { maxRunTokens: 13 });
    await Promise.all(['a', 'b', 'c'].map((text) => all(scheduler.query(text, { think: 'never' }))));
    expect(kinds(engine.runs)).toEqual(['read', 'read']);
  });

  test('without room to think a query has its instant vector at once, and its turn later', async () => {
    const { engine, scheduler } = fixture({}, { maxThoughts: 1 });
    const first = all(scheduler.query('first', { think: 'always' }));
    const events = await all(scheduler.query('second', { think: 'always' }));
    await first;
    expect(events.map(({ type }) => type)).toEqual(['instant', 'token', 'token', 'token', 'token', 'final']);
    expect(engine.runs[0]).toEqual({ kind: 'read', texts: ['first', 'second'] });
    expect(Math.max(...engine.runs.map((run) => (run.kind === 'step' ? run.rows : 0)))).toBe(1);
  });

  test('a query of several thoughts is not overtaken for ever by those of one', async () => {
    const { scheduler } = fixture({}, { maxThoughts: 2 });
    const done: string[] = [];
    const ask = (text: string, thoughts: number) =>
      final(scheduler.query(text, { think: 'always', thoughts })).then(() => done.push(text));
    await Promise.all([ask('one', 1), ask('two', 2), ask('three', 1), ask('four', 1)]);
    expect(done.slice(0, 2)).toEqual(['one', 'two']);
  });

  test('thoughts of the callers are read one a turn, between them everybody else has his', async () => {
    const { engine, scheduler } = fixture();
    const controller = new AbortController();
    const thinking = final(scheduler.query('long one', { think: 'always', signal: controller.signal }));
    while (engine.runs.length < 2) await new Promise(setImmediate);
    await Promise.all(['a', 'b', 'c'].map((text) => final(scheduler.query(text, { thought: 'mine' }))));
    const runs = kinds(engine.runs);
    const first = runs.indexOf('read', 1);
    expect(runs.slice(first, first + 5)).toEqual(['read', 1, 'read', 1, 'read']);
    controller.abort(new Error('enough'));
    await expect(thinking).rejects.toThrow('enough');
  });

  test('more thoughts than there can ever be room for are refused', async () => {
    const { scheduler } = fixture({}, { maxThoughts: 2 });
    await expect(all(scheduler.query('a', { think: 'always', thoughts: 3 }))).rejects.toThrow(InvalidInputError);
  });

  test('options that the batch refuses fail their own query only', async () => {
    const { scheduler } = fixture();
    const good = final(scheduler.query('good', { think: 'always' }));
    const bad = final(scheduler.query('bad', { think: 'always', temperature: 13 }));
    await expect(bad).rejects.toThrow('temperature must not be 13');
    expect((await good).basis).toBe('thoughts');
  });

  test('a deadline is kept while the queries of a broken run are read again', async () => {
    const { engine, scheduler } = fixture();
    const thinking = final(scheduler.query('long one', { think: 'always', deadlineMs: 7 }));
    while (engine.runs.length < 3) await new Promise(setImmediate);
    const bad = { think: 'always', temperature: 13 } as const;
    const many = Array.from({ length: 20 }, (_, i) =>
      final(scheduler.query(`q${i}`, i === 0 ? bad : { think: 'never' })),
    );
    const settled = Promise.allSettled(many);
    expect((await thinking).deadlineReached).toBe(true);
    expect(engine.clock).toBeLessThanOrEqual(9);
    expect((await settled).map(({ status }) => status === 'fulfilled')).toEqual(many.map((_, i) => i > 0));
  });

  test('what breaks outside of a run fails those who wait, and the next ones are served', async () => {
    const engine = new FakeEngine();
    const makeBatch = engine.thinkingBatch.bind(engine);
    engine.thinkingBatch = () => {
      const finish = () => {
        throw new Error('out of luck');
      };
      return Object.assign(makeBatch(), { finish });
    };
    const broken = new Scheduler(engine, { now: engine.now });
    const thinking = final(broken.query('long one', { think: 'always', deadlineMs: 3 }));
    await expect(thinking).rejects.toThrow('out of luck');
    expect(broken.load).toEqual({ waiting: 0, thinking: 0 });
    expect((await final(broken.query('next', { think: 'never' }))).basis).toBe('instant');
  });

  test('a broken step fails the thoughts in it, and the next query is answered', async () => {
    const { scheduler } = fixture();
    const options: QueryOptions = { think: 'always' };
    const results = await Promise.allSettled([
      final(scheduler.query('poison', options)),
      final(scheduler.query('beside it', options)),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect((await final(scheduler.query('later', options))).basis).toBe('thoughts');
  });
});

describe('deadlines', () => {
  test('a thought that is not finished in time: the instant vector', async () => {
    const { engine, scheduler } = fixture();
    const { basis, deadlineReached, vector } = await final(
      scheduler.query('long one', { think: 'always', deadlineMs: 5 }),
    );
    expect({ basis, deadlineReached }).toEqual({ basis: 'instant', deadlineReached: true });
    expect(vector).toEqual(engine.embed('long one'));
    expect(engine.clock).toBe(5);
    expect(scheduler.load.thinking).toBe(0);
  });

  test('a query that still waits for room is answered in time too', async () => {
    const { engine, scheduler } = fixture({}, { maxThoughts: 1 });
    const first = final(scheduler.query('long one', { think: 'always', deadlineMs: 50 }));
    const second = await final(scheduler.query('second', { think: 'always', deadlineMs: 5 }));
    expect([second.basis, second.deadlineReached]).toEqual(['instant', true]);
    // The next step may have begun before this line runs.
    expect(engine.clock).toBeLessThanOrEqual(6);
    expect((await first).deadlineReached).toBe(true);
    expect(engine.clock).toBe(50);
  });

  test('behind documents: one chunk and the reading, not the whole job', async () => {
    const cost = ({ kind }: Run) => (kind === 'documents' ? 30 : 10);
    const { engine, scheduler } = fixture({ cost }, { maxRunTokens: 6 });
    const documents = scheduler.embedDocuments(Array.from({ length: 40 }, (_, i) => `document number ${i}`));
    while (engine.runs.length < 2) await new Promise(setImmediate);
    const start = engine.clock;
    const { deadlineReached } = await final(scheduler.query('long one', { think: 'always', deadlineMs: 50 }));
    expect(deadlineReached).toBe(true);
    expect(engine.clock - start).toBeLessThanOrEqual(50 + 30);
    await documents;
  });

  /** Documents, thoughts, and queries of all kinds without end, and one with a deadline that comes in the midst of the nth run. */
  async function underLoad(nth: number, options: QueryOptions, more: SchedulerSettings = {}) {
    const cost = ({ kind }: Run) => (kind === 'documents' ? 30 : kind === 'read' ? 20 : 10);
    const gone = new AbortController();
    setMaxListeners(0, gone.signal);
    let asked: { at: number; final: ReturnType<typeof final> } | undefined;
    const pause = async () => {
      // Answers that were given before this run are read before its time has passed.
      await new Promise(setImmediate);
      if (engine.runs.length !== nth) return;
      asked = { at: engine.clock, final: final(scheduler.query('the one', { ...options, deadlineMs: 50 })) };
      // Those that come after it, and many that came before it, are no reason to let it wait.
      for (let i = 0; i < 5; i++) void ask(`later ${i}`, { think: 'never' });
    };
    const { engine, scheduler } = fixture({ cost, pause }, { maxRunTokens: 24, maxWaiting: 1000, ...more });
    const ask = (text: string, how: QueryOptions) =>
      final(scheduler.query(text, { ...how, signal: gone.signal })).catch(() => {});
    const load = [
      scheduler
        .embedDocuments(
          Array.from({ length: 500 }, (_, i) => `d${i}`),
          { signal: gone.signal },
        )
        .catch(() => {}),
      ...Array.from({ length: 3 }, (_, i) => ask(`long ${i}`, { think: 'always', thoughts: 2 })),
      ...Array.from({ length: 40 }, (_, i) => ask(`an instant one with words ${i}`, { think: 'never' })),
    ];
    while (!asked) await new Promise(setImmediate);
    const answer = await asked.final;
    const { at } = asked;
    const tookMs = engine.clock - at;
    const next = engine.runs[nth];
    gone.abort(new Error('enough'));
    await Promise.all(load);
    await scheduler.drain();
    return { answer, tookMs, next };
  }

  test.each([
    ['that thinks', { think: 'always' }, {}],
    ['for which there is no room to think', { think: 'always', thoughts: 4 }, { maxThoughts: 6 }],
    ['that does not think', { think: 'never' }, {}],
    ['with a thought of its own', { thought: 'mine' }, {}],
  ] as const)('a query %s is read in the very next run, alone, whatever is going on', async (_, options, more) => {
    for (let nth = 1; nth <= 30; nth++) {
      const { answer, tookMs, next } = await underLoad(nth, options, more);
      expect(next).toEqual({ kind: 'read', texts: ['the one'] });
      // Where the model has to think, it depends on the load whether there was time for it.
      if ('thought' in options) expect(answer.basis).toBe('thoughts');
      else if (options.think === 'never') expect(answer.basis).toBe('instant');
      // The longest run takes 30 ms.
      expect(tookMs).toBeLessThanOrEqual(50 + 30);
    }
  });

  test('the earliest deadline first', async () => {
    const { engine, scheduler } = fixture({}, { maxRunTokens: 6 });
    const ask = (text: string, deadlineMs: number) => final(scheduler.query(text, { think: 'never', deadlineMs }));
    const none = final(scheduler.query('none', { think: 'never' }));
    await Promise.all([none, ask('late', 900), ask('early', 5), ask('middle', 70)]);
    expect(engine.runs.map((run) => run.kind === 'read' && run.texts[0])).toEqual(['early', 'middle', 'late', 'none']);
  });

  test('who has no deadline is served too, however many of those there are that have', async () => {
    const { engine, scheduler } = fixture({}, { maxRunTokens: 6, maxWaiting: 1000 });
    let going = true;
    const client = async () => {
      while (going) await final(scheduler.query('urgent', { think: 'never', deadlineMs: 5 }));
    };
    const clients = Promise.all(Array.from({ length: 20 }, client));
    await Promise.all([
      final(scheduler.query('patient', { think: 'always' })),
      scheduler.embedDocuments(['document', 'another']),
    ]);
    going = false;
    await clients;
    const urgent = engine.runs.filter((run) => run.kind === 'read' && run.texts[0] === 'urgent').length;
    expect(urgent).toBeGreaterThan(20);
  });

  test('after a pause a deadline comes first again, however many there were before it', async () => {
    const { engine, scheduler } = fixture();
    const urgent = () => final(scheduler.query('urgent', { think: 'never', deadlineMs: 5 }));
    for (let i = 0; i < 8; i++) {
      await urgent();
      // Until the scheduler has seen that there is nothing more to do.
      for (let tick = 0; tick < 5; tick++) await new Promise(setImmediate);
    }
    await Promise.all([scheduler.embedDocuments(['document']), urgent()]);
    expect(kinds(engine.runs).slice(8)).toEqual(['read', 'documents']);
  });

  test('no time at all: the instant vector, and no thought is begun', async () => {
    const { engine, scheduler } = fixture();
    const { basis, deadlineReached } = await final(scheduler.query('a', { think: 'always', deadlineMs: 0 }));
    expect({ basis, deadlineReached }).toEqual({ basis: 'instant', deadlineReached: true });
    expect(kinds(engine.runs)).toEqual(['read']);
  });

  test('a deadline that is no time is refused', async () => {
    const { scheduler } = fixture();
    await expect(all(scheduler.query('a', { deadlineMs: Number.NaN }))).rejects.toThrow('deadlineMs must be a number');
  });

  test('a query that does not think reaches no deadline', async () => {
    const { scheduler } = fixture();
    expect((await final(scheduler.query('a', { think: 'never', deadlineMs: 0 }))).deadlineReached).toBe(false);
  });
});

describe('auto by the margin of a search', () => {
  const auto = { signal: 'margin', threshold: 0.1, thinkWhen: 'below' } as const;
  const THINK = [0.75, 0.7];
  const INSTANT = [0.75, 0.25];

  /** A search that answers when the test says so. */
  function search() {
    let answer!: (scores: readonly number[]) => void;
    let fail!: (error: Error) => void;
    const scores = new Promise<readonly number[]>((resolve, reject) => {
      [answer, fail] = [resolve, reject];
    });
    // Whoever waits for it is told; here nobody may have asked yet.
    scores.catch(() => {});
    const asked: Float32Array[] = [];
    const instantScores = (instant: Float32Array) => {
      asked.push(instant);
      return scores;
    };
    return { answer, fail, asked, options: { think: 'auto', instantScores } satisfies QueryOptions };
  }
  const runsOn = async (engine: FakeEngine, more: number) => {
    const until = engine.runs.length + more;
    while (engine.runs.length < until) await new Promise(setImmediate);
  };

  test.each([
    ['with room to think', 16],
    ['without', 1],
  ])('the model goes on while the search is made, %s', async (_, maxThoughts) => {
    const { engine, scheduler } = fixture({ auto }, { maxThoughts });
    const gone = new AbortController();
    const busy = final(scheduler.query('long one', { think: 'always', signal: gone.signal })).catch(() => {});
    await runsOn(engine, 1);
    const [thinks, instant] = [search(), search()];
    const answers = [thinks, instant].map(({ options }) => final(scheduler.query('a question', options)));
    while (instant.asked.length === 0) await new Promise(setImmediate);
    expect(thinks.asked).toEqual([engine.embed('a question')]);
    const documents = scheduler.embedDocuments(['a', 'b']);
    await runsOn(engine, 10);
    await documents;
    expect((await final(scheduler.query('another', { think: 'never' }))).basis).toBe('instant');
    thinks.answer(THINK);
    instant.answer(INSTANT);
    expect((await answers[1]!).basis).toBe('instant');
    if (maxThoughts === 1) {
      expect(engine.thinkingAbout()).toEqual(['long one']);
      gone.abort(new Error('makes room'));
    }
    expect((await answers[0]!).thoughts).toHaveLength(1);
    gone.abort(new Error('enough'));
    await busy;
    await scheduler.drain();
    expect(scheduler.load).toEqual({ waiting: 0, thinking: 0 });
    expect(engine.thinkingAbout()).toEqual([]);
  });

  test('with nothing else to do the model waits, and room is kept', async () => {
    const { engine, scheduler } = fixture({ auto }, { maxThoughts: 1 });
    const { options, answer } = search();
    const first = final(scheduler.query('first', options));
    const second = final(scheduler.query('second', { think: 'always' }));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(engine.runs.some(({ kind }) => kind === 'step')).toBe(false);
    answer(THINK);
    expect((await first).basis).toBe('thoughts');
    expect((await second).basis).toBe('thoughts');
  });

  test.each([16, 1])('a search that fails fails its own query only (room for %i)', async (maxThoughts) => {
    const { engine, scheduler } = fixture({ auto }, { maxThoughts });
    const other = final(scheduler.query('other', { think: 'always' }));
    const { options, fail } = search();
    const failing = final(scheduler.query('failing', options));
    fail(new Error('no index'));
    await expect(failing).rejects.toThrow('no index');
    expect((await other).basis).toBe('thoughts');
    expect(engine.thinkingAbout()).toEqual([]);
  });

  test.each([16, 1])('scores that no rule can read fail their own query only (room for %i)', async (maxThoughts) => {
    const { engine, scheduler } = fixture({ auto }, { maxThoughts });
    const other = final(scheduler.query('other', { think: 'always' }));
    const { options, answer } = search();
    const failing = final(scheduler.query('failing', options));
    answer(undefined as never);
    const [failed, answered] = await Promise.allSettled([failing, other]);
    expect(failed).toMatchObject({ status: 'rejected', reason: expect.any(TypeError) });
    expect(answered).toMatchObject({ status: 'fulfilled', value: { basis: 'thoughts' } });
    expect(engine.thinkingAbout()).toEqual([]);
  });

  test.each<[string, QueryOptions]>([
    ['with a deadline', { think: 'never', deadlineMs: 5 }],
    ['without', { think: 'never' }],
  ])('queries %s are read one run after the other while the search is made', async (_, how) => {
    const { scheduler } = fixture({ auto }, { maxRunTokens: 6 });
    const { options, answer, asked } = search();
    const deciding = final(scheduler.query('deciding', options));
    while (asked.length === 0) await new Promise(setImmediate);
    let going = true;
    const others = Promise.all(Array.from({ length: 20 }, (_, i) => final(scheduler.query(`q${i}`, how)))).then(() => {
      going = false;
    });
    // A turn is one round of the event loop; where the scheduler sleeps for a millisecond, hundreds go by.
    let rounds = 0;
    for (; going; rounds++) await new Promise(setImmediate);
    expect(rounds).toBeLessThan(2 * 20);
    await others;
    answer(INSTANT);
    await deciding;
  });

  test.each([16, 1])(
    'a deadline and a caller that leaves do not wait for the search (room for %i)',
    async (maxThoughts) => {
      const { engine, scheduler } = fixture({ auto }, { maxThoughts });
      const gone = new AbortController();
      const busy = final(scheduler.query('long one', { think: 'always', signal: gone.signal })).catch(() => {});
      await runsOn(engine, 1);
      const [late, left] = [search(), search()];
      const answer = final(scheduler.query('late', { ...late.options, deadlineMs: 5 }));
      const leaving = final(scheduler.query('left', { ...left.options, signal: gone.signal }));
      expect(await answer).toMatchObject({ basis: 'instant', deadlineReached: true });
      while (left.asked.length === 0) await new Promise(setImmediate);
      gone.abort(new Error('gone'));
      await expect(leaving).rejects.toThrow('gone');
      await busy;
      late.answer(THINK);
      left.answer(THINK);
      await scheduler.drain();
      expect(engine.thinkingAbout()).toEqual([]);
      expect(scheduler.load).toEqual({ waiting: 0, thinking: 0 });
    },
  );

  test.each([16, 1])(
    'a caller that leaves while his query is read: no search, and nothing is left of it (room for %i)',
    async (maxThoughts) => {
      const leaves = new AbortController();
      const pause = (run: Run) => {
        if (run.kind === 'read' && run.texts.includes('left')) leaves.abort(new Error('gone'));
      };
      const { engine, scheduler } = fixture({ auto, pause }, { maxThoughts });
      const busy = final(scheduler.query('long one', { think: 'always', deadlineMs: 20 }));
      await runsOn(engine, 1);
      const { options, asked } = search();
      const left = final(scheduler.query('left', { ...options, signal: leaves.signal }));
      await expect(left).rejects.toThrow('gone');
      await runsOn(engine, 2);
      expect(asked).toEqual([]);
      expect(engine.thinkingAbout()).toEqual(['long one']);
      await busy;
      expect(scheduler.load).toEqual({ waiting: 0, thinking: 0 });
    },
  );

  test('a step that breaks meanwhile: who was not begun thinks later, and has its instant vector once', async () => {
    const { engine, scheduler } = fixture({ auto }, { maxThoughts: 1 });
    const poison = final(scheduler.query('poison', { think: 'always' }));
    const { options, answer } = search();
    const waiting = all(scheduler.query('waiting', options));
    await expect(poison).rejects.toThrow('the model broke');
    answer(THINK);
    const events = await waiting;
    expect(events.map(({ type }) => type)).toEqual(['instant', 'token', 'token', 'token', 'token', 'final']);
    expect(events.at(-1)).toMatchObject({ basis: 'thoughts' });
    expect(engine.thinkingAbout()).toEqual([]);
  });
});

describe('documents', () => {
  test('vectors in the order of the texts, in chunks of like length', async () => {
    const { engine, scheduler } = fixture({}, { maxRunTokens: 12 });
    const texts = ['a a a a a a', 'b', 'c c c c c c', 'd', 'e'];
    const progress: unknown[] = [];
    const vectors = await scheduler.embedDocuments(texts, { onProgress: (now) => progress.push(now) });
    expect(vectors).toEqual(texts.map((text) => engine.embed(text)));
    expect(engine.runs.map((run) => run.kind === 'documents' && run.texts)).toEqual([
      ['b', 'd', 'e'],
      ['a a a a a a'],
      ['c c c c c c'],
    ]);
    expect(progress.at(-1)).toEqual({ done: 5, total: 5, tokens: 15 });
  });

  test('a small job does not wait for a large one', async () => {
    const { scheduler } = fixture({}, { maxRunTokens: 9 });
    const done: string[] = [];
    const large = scheduler
      .embedDocuments(Array.from({ length: 30 }, (_, i) => `d${i}`))
      .then(() => done.push('large'));
    const small = scheduler.embedDocuments(['one']).then(() => done.push('small'));
    await Promise.all([large, small]);
    expect(done).toEqual(['small', 'large']);
  });

  test('thoughts and documents share the time half and half', async () => {
    const cost = ({ kind }: Run) => (kind === 'documents' ? 30 : 10);
    const { engine, scheduler } = fixture({ cost }, { maxRunTokens: 4 });
    const controller = new AbortController();
    const thought = final(scheduler.query('long one', { think: 'always', signal: controller.signal }));
    await scheduler.embedDocuments(Array.from({ length: 20 }, (_, i) => `d${i}`));
    const steps = engine.runs.filter(({ kind }) => kind === 'step').length;
    const chunks = engine.runs.filter(({ kind }) => kind === 'documents').length;
    expect(chunks).toBe(20);
    expect(Math.abs(steps * 10 - chunks * 30)).toBeLessThanOrEqual(30);
    controller.abort();
    await expect(thought).rejects.toThrow();
  });

  test('a broken run fails the jobs in it', async () => {
    const { scheduler } = fixture({}, { maxRunTokens: 4 });
    const results = await Promise.allSettled([
      scheduler.embedDocuments(['poison']),
      scheduler.embedDocuments(['good']),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
    expect(scheduler.load.waiting).toBe(0);
  });

  test('a broken run of several jobs: each is tried again alone, and only the one fails', async () => {
    const { engine, scheduler } = fixture();
    const texts = ['good', 'poison', 'fine'];
    const results = await Promise.allSettled(texts.map((text) => scheduler.embedDocuments([text, 'beside'])));
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(results[2]).toMatchObject({ value: [engine.embed('fine'), engine.embed('beside')] });
    expect(scheduler.load.waiting).toBe(0);
  });

  test('token ids are as good as their text; a wrong one fails its own job', async () => {
    const { engine, scheduler } = fixture();
    const results = await Promise.allSettled([
      scheduler.embedDocuments([[1, 2], [3]]),
      scheduler.embedDocuments([[4], [5000]]),
      scheduler.embedDocuments(['text']),
    ]);
    expect(results[0]).toMatchObject({ value: [engine.embed('w1 w2'), engine.embed('w3')] });
    expect(results[1]).toMatchObject({ reason: expect.any(InvalidInputError) });
    expect(results[2]).toMatchObject({ value: [engine.embed('text')] });
  });

  test('texts are counted when their turn comes near, and no farther than they are read', async () => {
    const { engine, scheduler } = fixture({}, { maxRunTokens: 9 });
    const counted: number[] = [];
    const count = engine.countTokens.bind(engine);
    engine.countTokens = (text) => {
      counted.push(text.length);
      return count(text);
    };
    const done = scheduler.embedDocuments([...Array(50).keys()].map((i) => `${i}`.repeat(5_000)));
    while (engine.runs.length === 0) await new Promise(setImmediate);
    expect(counted.length).toBeLessThan(10);
    await done;
    expect(counted).toHaveLength(50);
    expect(Math.max(...counted)).toBeLessThan(1_000);
  });

  test('no texts, no run', async () => {
    const { engine, scheduler } = fixture();
    expect(await scheduler.embedDocuments([])).toEqual([]);
    expect(engine.runs).toEqual([]);
  });
});

describe('callers that go away', () => {
  test('in the middle of a thought: its rows are free at the next step', async () => {
    const { engine, scheduler } = fixture();
    const controller = new AbortController();
    const stream = scheduler.query('long one', { think: 'always', thoughts: 3, signal: controller.signal });
    await expect(
      (async () => {
        for await (const { type } of stream) if (type === 'token') controller.abort(new Error('gone'));
      })(),
    ).rejects.toThrow('gone');
    await final(scheduler.query('next', { think: 'never' }));
    expect(engine.cancelled).toEqual(['long one']);
    expect(scheduler.load).toEqual({ waiting: 0, thinking: 0 });
  });

  test('while it is read whether to think, without room to: nothing is left of it', async () => {
    const controller = new AbortController();
    const pause = (run: Run) => {
      if (run.kind === 'read' && run.texts.includes('second')) controller.abort(new Error('gone'));
    };
    const { engine, scheduler } = fixture({ pause }, { maxThoughts: 1 });
    const first = final(scheduler.query('long one', { think: 'always', deadlineMs: 20 }));
    while (engine.runs.length < 2) await new Promise(setImmediate);
    const second = final(scheduler.query('second', { think: 'auto', signal: controller.signal }));
    await expect(second).rejects.toThrow('gone');
    while (engine.runs.length < 6) await new Promise(setImmediate);
    expect(engine.thinkingAbout()).toEqual(['long one']);
    await first;
    expect(scheduler.load).toEqual({ waiting: 0, thinking: 0 });
  });

  test('leaving the loop is enough', async () => {
    const { engine, scheduler } = fixture();
    for await (const { type } of scheduler.query('long one', { think: 'always' })) if (type === 'token') break;
    await scheduler.drain();
    expect(engine.cancelled).toEqual(['long one']);
  });

  test('while waiting: nothing is computed for them', async () => {
    const { engine, scheduler } = fixture({}, { maxThoughts: 1 });
    const controller = new AbortController();
    const first = final(scheduler.query('first', { think: 'always' }));
    const second = final(scheduler.query('second', { think: 'always', signal: controller.signal }));
    const documents = scheduler.embedDocuments(['d'], { signal: controller.signal });
    controller.abort(new Error('gone'));
    await expect(second).rejects.toThrow('gone');
    await expect(documents).rejects.toThrow('gone');
    await first;
    expect(engine.runs.some((run) => run.kind === 'documents')).toBe(false);
    expect(engine.runs[0]).toEqual({ kind: 'read', texts: ['first'] });
  });

  test('an aborted signal is refused at once', async () => {
    const { engine, scheduler } = fixture();
    const signal = AbortSignal.abort(new Error('gone'));
    await expect(all(scheduler.query('a', { signal }))).rejects.toThrow('gone');
    await expect(scheduler.embedDocuments(['a'], { signal })).rejects.toThrow('gone');
    expect(engine.runs).toEqual([]);
  });
});

describe('too much, and the end', () => {
  test('a full queue refuses the next request and says when to come again', async () => {
    const { scheduler } = fixture({}, { maxWaiting: 2 });
    const taken = [scheduler.embedDocuments(['a']), final(scheduler.query('b', { think: 'never' }))];
    const refused = await final(scheduler.query('c')).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(QueueFullError);
    expect((refused as QueueFullError).retryAfterSeconds).toBe(1);
    await expect(scheduler.embedDocuments(['d'])).rejects.toThrow('2 requests are waiting already. Try again in 1 s.');
    await Promise.all(taken);
    expect(await scheduler.embedDocuments(['e'])).toHaveLength(1);
  });

  test('when to come again goes by whole requests, and by those that were answered', async () => {
    const cost = () => 1000;
    const { scheduler } = fixture({ cost }, { maxWaiting: 3, maxRunTokens: 4 });
    // Eight chunks of a second each, and a query that is left.
    const controller = new AbortController();
    const large = scheduler.embedDocuments(Array.from({ length: 8 }, (_, i) => `d${i}`));
    const left = final(scheduler.query('left', { think: 'never', signal: controller.signal }));
    controller.abort(new Error('gone'));
    await expect(left).rejects.toThrow('gone');
    const small = scheduler.embedDocuments(['small']);
    await small;
    const more = [scheduler.embedDocuments(['a']), scheduler.embedDocuments(['b'])];
    const refused = await scheduler.embedDocuments(['c']).catch((error: unknown) => error);
    // One request was answered, in two seconds: three take six.
    expect((refused as QueueFullError).retryAfterSeconds).toBeGreaterThanOrEqual(6);
    await Promise.all([large, ...more]);
  });

  test('draining finishes what was begun and refuses what comes', async () => {
    const { scheduler } = fixture();
    const thought = final(scheduler.query('a', { think: 'always' }));
    const drained = scheduler.drain();
    await expect(final(scheduler.query('b'))).rejects.toThrow(ServiceUnavailableError);
    await expect(scheduler.embedDocuments(['b'])).rejects.toThrow('the server is stopping.');
    expect((await thought).basis).toBe('thoughts');
    await drained;
  });

  test('when the time for finishing is over, everybody has an answer or a refusal', async () => {
    const { engine, scheduler } = fixture(
      { pause: () => new Promise((resolve) => setTimeout(resolve, 1)) },
      { maxThoughts: 1 },
    );
    const begun = final(scheduler.query('long one', { think: 'always' }));
    const waiting = final(scheduler.query('long two', { think: 'always' }));
    const documents = scheduler.embedDocuments(Array.from({ length: 5000 }, () => 'a b c d e f'));
    const refused = expect(documents).rejects.toThrow(ServiceUnavailableError);
    while (engine.runs.length === 0) await new Promise(setImmediate);
    await scheduler.drain(30);
    expect(await begun).toMatchObject({ basis: 'instant', deadlineReached: true });
    expect(await waiting).toMatchObject({ basis: 'instant', deadlineReached: true });
    await refused;
    expect(scheduler.load).toEqual({ waiting: 0, thinking: 0 });
  });
});
