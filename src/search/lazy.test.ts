import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { compiledSource } from '../../test/support/compile.js';

test('the vector database is loaded when a store is opened, not before: the command line starts without it', async () => {
  const door = pathToFileURL(join(await compiledSource(), 'search', 'index.js'));
  const script = `
    import { openStore } from '${door}';
    const loaded = () => process.report.getReport().sharedObjects.some((path) => /lancedb[^/]*\\.node$/.test(path));
    const before = loaded();
    const store = await openStore(process.argv[1], { encoder: { fingerprint: 'f', dimensions: 2 }, access: 'write' });
    await store.close();
    console.log(JSON.stringify([before, loaded()]));
  `;
  const folder = await mkdtemp(join(tmpdir(), 'o1-lazy-'));
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script, folder]);
  await rm(folder, { recursive: true });
  expect(JSON.parse(stdout)).toEqual([false, true]);
});
