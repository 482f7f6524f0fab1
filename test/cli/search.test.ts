import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { CliContext } from '../../src/cli/context.js';
import { FakeEmbedder } from './fake-embedder.js';
import { runCli } from './run-cli.js';

const PAGES: Record<string, string> = {
  'logs.md': '# Logs\n\nLogs grow.\n\n## Rotation\n\nUse logrotate with copytruncate to rotate files.\n',
  'guide/backup.md': '# Backup\n\nRun restic every night to copy the data away.\n',
  'guide/network.txt': 'Open port 8080 in the firewall.\n',
};
const QUESTION = 'how do I keep the disk from filling';
const THOUGHT = 'restic night copy data backup';

let home: string;
let docs: string;
let embedder: FakeEmbedder;
let context: Partial<CliContext>;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'o1-cli-'));
  docs = join(home, 'docs');
  await mkdir(join(docs, 'guide'), { recursive: true });
  for (const [path, text] of Object.entries(PAGES)) await writeFile(join(docs, path), text);
  embedder = new FakeEmbedder({ [QUESTION]: THOUGHT });
  context = { loadEmbedder: async () => embedder, environment: { O1_CACHE: join(home, 'cache') } };
});
afterEach(() => rm(home, { recursive: true, force: true }));

const search = (...args: string[]) => runCli(['search', ...args], context);
const hitsOf = (stdout: string) => (JSON.parse(stdout) as { hits: { id: string; [key: string]: unknown }[] }).hits;

describe('search in a folder', () => {
  test('indexes what is there and prints hits with score, title, id and text', async () => {
    const { code, stdout, stderr } = await search(docs, 'rotate files');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ 1\. 0\.\d{3} {2}Logs > Rotation {2}\(logs\.md#rotation\)\n {4}Use logrotate with/);
    expect(stderr).toContain('embedded 4 documents, 0 unchanged; 4 in the index');
    expect(embedder.closed).toBe(true);
  });

  test('embeds only what has changed the next time, and forgets what is gone', async () => {
    await search(docs, 'rotate');
    embedder.calls.length = 0;
    await writeFile(join(docs, 'new.md'), '# Users\n\nAdd a user with useradd.\n');
    await rm(join(docs, 'guide/network.txt'));
    const { stdout } = await search(docs, 'add a user', '--json');
    expect(embedder.calls.flat()).toEqual(['Users\nAdd a user with useradd.']);
    const { hits, index } = JSON.parse(stdout);
    expect(hits[0].id).toBe('new.md#users');
    expect(hits.map((hit: { id: string }) => hit.id)).not.toContain('guide/network.txt');
    expect(index.update).toMatchObject({ embedded: 1, unchanged: 3, removed: 1, documents: 4 });
  });

  test('keeps the index in the cache folder, or where --index says; a folder that is an index is asked as it is', async () => {
    const index = join(home, 'my-index');
    const first = await search(docs, 'firewall', '--index', index, '--json');
    expect(JSON.parse(first.stdout).index.folder).toBe(index);
    const second = await search(docs, 'firewall', '--json');
    expect(JSON.parse(second.stdout).index.folder).toMatch(/cache\/indexes\/docs-[0-9a-f]{12}$/);
    embedder.calls.length = 0;
    const third = await search(index, 'firewall port', '--json');
    expect(hitsOf(third.stdout)[0]!.id).toBe('guide/network.txt');
    expect(embedder.calls).toEqual([]);
  });

  test('--top limits, --hybrid fuses with BM25, --json carries the whole record', async () => {
    const { stdout } = await search(docs, 'copytruncate', '--hybrid', '--top', '2', '--json');
    const hits = hitsOf(stdout);
    expect(hits).toHaveLength(2);
    expect(hits[0]).toEqual({
      rank: 1,
      id: 'logs.md#rotation',
      title: 'Logs > Rotation',
      text: 'Use logrotate with copytruncate to rotate files.',
      metadata: { path: 'logs.md', line: 5 },
      // First in both rankings.
      score: 2 / 61,
    });
  });
});

describe('thinking', () => {
  test('never, always and the own thought reach the embedder', async () => {
    await search(docs, QUESTION, '--think', 'always', '--thoughts', '3', '--temperature', '0.5', '--seed', '7');
    expect(embedder.asked[0]).toMatchObject({ think: 'always', thoughts: 3, temperature: 0.5, seed: 7 });
    await search(docs, QUESTION, '--think', 'never', '--deadline', '200');
    expect(embedder.asked[1]).toMatchObject({ think: 'never', deadlineMs: 200 });
    await search(docs, QUESTION);
    expect(embedder.asked[2]!.think).toBeUndefined();
    const { stdout } = await search(docs, QUESTION, '--thought', 'firewall port 8080', '--json');
    expect(embedder.asked[3]).toMatchObject({ think: 'always', thought: 'firewall port 8080' });
    expect(hitsOf(stdout)[0]!.id).toBe('guide/network.txt');
  });

  test('a thought named or counted asks for thinking; contradictions are refused', async () => {
    await search(docs, QUESTION, '--thoughts', '2');
    expect(embedder.asked[0]!.think).toBe('always');
    const { code, stderr } = await search(docs, QUESTION, '--think', 'never', '--seed', '2');
    expect([code, stderr]).toEqual([1, 'error: --seed and --think never exclude each other. Leave one of them out.\n']);
    expect((await search(docs, QUESTION, '--thought', 'x', '--thoughts', '2')).stderr).toContain('exclude each other');
  });

  test('auto decides by the scores of the instant search, and says so', async () => {
    const unsure = await search(docs, QUESTION, '--think', 'auto', '--json');
    expect(JSON.parse(unsure.stdout)).toMatchObject({ decision: 'think', basis: 'thoughts' });
    const sure = await search(docs, 'Use logrotate with copytruncate to rotate files.', '--think', 'auto', '--json');
    expect(JSON.parse(sure.stdout)).toMatchObject({ decision: 'instant', basis: 'instant' });
    const { stdout, stderr } = await search(docs, 'logrotate with copytruncate', '--think', 'auto', '--stream');
    expect(stdout).toMatch(/^Instant hits:\n/);
    expect(stdout).not.toContain('with the thought');
    expect(stderr).toContain('--think always thinks all the same');
  });

  test('the share of the instant vector reaches the embedder, and is checked', async () => {
    await search(docs, QUESTION, '--instant-weight', '0.25');
    expect(embedder.asked[0]).toMatchObject({ think: 'always', instantWeight: 0.25 });
    expect((await search(docs, QUESTION, '--instant-weight', '2')).stderr).toContain('Expected a number from 0 to 1.');
    const { stderr } = await search(docs, QUESTION, '--think', 'never', '--instant-weight', '0.5');
    expect(stderr).toContain('--instant-weight and --think never exclude each other');
  });

  test('a deadline without a thought says that the hits are instant', async () => {
    const { stderr } = await search(docs, 'nobody thought of this', '--think', 'always', '--deadline', '0');
    expect(stderr).toContain('these are the instant hits');
  });

  test('--stream shows instant hits, the thought, and the hits again with their moves', async () => {
    const { stdout } = await search(docs, QUESTION, '--stream', '--top', '2');
    const [instant, thought, final] = stdout.split('\n\n');
    expect(instant).toMatch(/^Instant hits:\n 1\. 0\.\d{3} /);
    expect(thought).toBe(`Thought: ${THOUGHT}`);
    expect(final).toMatch(/^Hits with the thought:\n 1\. (new|↑1) +0\.\d{3} {2}Backup {2}\(guide\/backup\.md#backup\)/);
  });

  test('--stream --json gives one event a line', async () => {
    const { stdout } = await search(docs, QUESTION, '--stream', '--json');
    const events = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(events.map(({ type }) => type)).toEqual(['instant', ...Array(5).fill('token'), 'final']);
    expect(
      events
        .slice(1, -1)
        .map(({ text }) => text)
        .join(''),
    ).toBe(THOUGHT);
    const before = events[0].hits.map((hit: { id: string }) => hit.id);
    for (const { id, rank, move } of events.at(-1).hits) expect(move).toBe(before.indexOf(id) + 1 - rank);
  });
});

describe('what can go wrong', () => {
  test.each([
    ['a missing folder', ['no-such-folder', 'question'], 'no-such-folder: there is no such file or folder.'],
    ['an empty question', ['.', '  '], 'the question is empty'],
    ['a wrong number', ['.', 'q', '--top', '0'], 'Expected a whole number from 1 up'],
    ['a wrong mode', ['.', 'q', '--mode', 'fp16'], 'Allowed choices are fp32, int8, int4'],
    ['a missing question', ['.'], "missing required argument 'question'"],
  ])('%s', async (_, args, message) => {
    const { code, stdout, stderr } = await search(...args);
    expect(code).toBe(1);
    expect(stdout).toBe('');
    expect(stderr).toContain(message);
    expect(stderr).not.toMatch(/\n\s+at /);
  });

  test('a folder without documents', async () => {
    await mkdir(join(home, 'empty'));
    const { code, stderr } = await search(join(home, 'empty'), 'question');
    expect([code, stderr]).toEqual([1, expect.stringContaining('empty: holds no documents.')]);
  });

  test('an index of another encoder: both fingerprints, and the command that helps', async () => {
    const index = join(home, 'index');
    await search(docs, 'rotate', '--index', index);
    const other = new FakeEmbedder({}, { seed: 1 });
    context = { ...context, loadEmbedder: async () => other };
    for (const place of [docs, index]) {
      const { code, stderr } = await search(place, 'rotate', ...(place === docs ? ['--index', index] : []));
      expect(code).toBe(1);
      expect(stderr).toContain('made with hashing-0, the model in use is hashing-1');
      expect(stderr).toContain(`o1-embedder index ${docs} --index ${index} --mode fp32 --reindex`);
    }
    const { code, stdout } = await runCli(['index', docs, '--index', index, '--reindex'], context);
    expect([code, stdout]).toEqual([0, `${index}: embedded 4 documents, 0 unchanged; 4 in the index\n`]);
    expect((await search(index, 'rotate')).code).toBe(0);
  });

  test('a defect keeps its stack trace for --verbose', async () => {
    const defect = { ...context, loadEmbedder: () => Promise.reject(new TypeError('x is undefined')) };
    const short = await runCli(['search', docs, 'q'], defect);
    expect([short.code, short.stderr]).toEqual([1, expect.stringContaining('unexpected error: x is undefined\n')]);
    expect(short.stderr).not.toMatch(/\n\s+at /);
    expect((await runCli(['--verbose', 'search', docs, 'q'], defect)).stderr).toMatch(/TypeError: .*\n\s+at /);
    expect((await runCli(['search', docs, 'q', '--verbose'], defect)).stderr).toMatch(/\n\s+at /);
    const debug = { ...defect, environment: { ...context.environment, O1_DEBUG: '1' } };
    expect((await runCli(['search', docs, 'q'], debug)).stderr).toMatch(/\n\s+at /);
  });
});
