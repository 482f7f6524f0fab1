import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadBeir } from '../../src/search/index.js';
import { runCli } from '../cli/run-cli.js';

/** The real model as the expert, over two Markdown files. */

let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'o1-synth-real-'));
});
afterAll(() => rm(home, { recursive: true, force: true }));

test('the local model writes queries that find their document again', async () => {
  const [source, output] = [join(home, 'docs'), join(home, 'out')];
  await mkdir(source);
  await writeFile(
    join(source, 'rotation.md'),
    '# Log rotation\n\nThe daemon closes its log file on SIGHUP and opens it anew. Run logrotate with a postrotate script that sends SIGHUP, or the old file keeps growing.\n',
  );
  await writeFile(
    join(source, 'backup.md'),
    '# Backups\n\nA backup is a snapshot of the data folder. Restore it with `restore --from snapshot.tar` while the server is stopped.\n',
  );
  const args = [
    'synth',
    'queries',
    source,
    '--output',
    output,
    '--dev',
    '0',
    '--test',
    '0',
    '--temperature',
    '0',
    '--limit',
    '1',
    '--top',
    '1',
    '--json',
  ];
  const { code, stdout, stderr } = await runCli(args, { environment: process.env });
  expect(stderr).toContain('The expert is local:smollm2-135m-instruct/int8/');
  expect(code).toBe(0);
  const { usage, queries, rejected } = JSON.parse(stdout);
  expect(usage.answers).toBe(3);
  expect(queries + rejected.length).toBe(3);
  expect(queries).toBeGreaterThanOrEqual(1);
  const set = await loadBeir(output, 'train');
  expect(set.queries).toHaveLength(queries);
  for (const { text } of set.queries) expect(text.split(/\s+/).length).toBeGreaterThan(1);
}, 180_000);
