import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { cacheFolder, offlineByEnvironment } from './cache.js';
import { combinedSha256, gitBlobSha1OfFile, rememberedSha256 } from './hash.js';
import { type FetchProgress, ProgressMeter } from './progress.js';

test('the cache folder: O1_CACHE, then XDG_CACHE_HOME, then the home folder', () => {
  expect(cacheFolder({ O1_CACHE: '/a', XDG_CACHE_HOME: '/b' })).toBe('/a');
  expect(cacheFolder({ O1_CACHE: '', XDG_CACHE_HOME: '/b' })).toBe('/b/o1-embedder');
  expect(cacheFolder({})).toBe(join(homedir(), '.cache', 'o1-embedder'));
});

test('the offline switch takes the values of the Hub tools', () => {
  for (const value of ['1', 'true', 'YES', 'On']) expect(offlineByEnvironment({ HF_HUB_OFFLINE: value })).toBe(true);
  for (const value of ['0', '', 'false', undefined]) expect(offlineByEnvironment({ O1_OFFLINE: value })).toBe(false);
  expect(offlineByEnvironment({ O1_OFFLINE: '1' })).toBe(true);
});

test("git's object id, as git hash-object gives it", async () => {
  const folder = await mkdtemp(join(tmpdir(), 'o1-hash-'));
  try {
    await writeFile(join(folder, 'a'), 'hello\n');
    // printf 'hello\n' | git hash-object --stdin
    expect(await gitBlobSha1OfFile(join(folder, 'a'))).toBe('ce013625030ba8dba906f756967f9e9ca394464a');
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('several weight files have one hash that depends on their order', () => {
  expect(combinedSha256(['aa'])).toBe('aa');
  expect(combinedSha256(['aa', 'bb'])).toBe(createHash('sha256').update('aabb').digest('hex'));
  expect(combinedSha256(['aa', 'bb'])).not.toBe(combinedSha256(['bb', 'aa']));
});

test('the hash of a large file is remembered until the file changes', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'o1-hash-'));
  try {
    const path = join(folder, 'large');
    await writeFile(path, Buffer.alloc(1_000));
    let hashed = 0;
    const hash = () => rememberedSha256(path, folder, { onBytes: () => hashed++ }, 1_000);
    const first = await hash();
    expect(hashed).toBeGreaterThan(0);
    hashed = 0;
    expect(await hash()).toBe(first);
    expect(hashed).toBe(0);
    expect(Object.keys(JSON.parse(await readFile(join(folder, 'hashes.json'), 'utf8')))).toEqual([path]);
    await utimes(path, 1, 1);
    await hash();
    expect(hashed).toBeGreaterThan(0);
    await writeFile(join(folder, 'hashes.json'), '{"damaged');
    expect(await hash()).toBe(first);
    await writeFile(join(folder, 'small'), Buffer.alloc(999));
    await rememberedSha256(join(folder, 'small'), folder, {}, 1_000);
    expect(Object.keys(JSON.parse(await readFile(join(folder, 'hashes.json'), 'utf8')))).toEqual([path]);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('progress: rate over this run, time left, not too often, the last always', () => {
  const seen: FetchProgress[] = [];
  let now = 0;
  const meter = new ProgressMeter(
    'w',
    'fetch',
    10_000,
    (progress) => seen.push(progress),
    () => now,
  );
  meter.update(5_000); // an earlier run left this
  for (now = 10; now <= 1_000; now += 10) meter.update(5_000 + now);
  meter.update(10_000);
  expect(seen.length).toBeLessThan(15);
  expect(seen[0]).toMatchObject({ receivedBytes: 5_000, bytesPerSecond: 0, secondsLeft: undefined });
  expect(seen.at(-2)?.bytesPerSecond).toBeCloseTo(1_000);
  expect(seen.at(-2)?.secondsLeft).toBeCloseTo((10_000 - seen.at(-2)!.receivedBytes) / 1_000);
  expect(seen.at(-1)).toMatchObject({ receivedBytes: 10_000, secondsLeft: 0 });
});

test('progress: no total, no time left; a source that begins anew does not give a negative rate', () => {
  const seen: FetchProgress[] = [];
  let now = 0;
  const meter = new ProgressMeter(
    'w',
    'fetch',
    undefined,
    (progress) => seen.push(progress),
    () => now,
  );
  for (const bytes of [0, 500, 900, 0, 300]) {
    meter.update(bytes);
    now += 200;
  }
  expect(seen.every(({ secondsLeft, bytesPerSecond }) => secondsLeft === undefined && bytesPerSecond >= 0)).toBe(true);
  expect(seen.at(-1)?.bytesPerSecond).toBeCloseTo(1_500);
});
