import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type FakeHub, randomBytes, startFakeHub } from '../../test/support/fake-hub.js';
import { bytesOf, download } from './download.js';
import { HttpClient, SourceError } from './http.js';

const CONTENT = randomBytes(300_000, 1);
/** Short enough for a test, long enough for a busy machine. */
const TIMES = { connectMs: 2_000, answerMs: 500, stallMs: 500, backoffMs: 5 };

let hub: FakeHub;
let folder: string;
let part: string;
let client: HttpClient;

beforeEach(async () => {
  hub = await startFakeHub();
  hub.repositories.set('o/m', new Map([['w.gguf', CONTENT]]));
  folder = await mkdtemp(join(tmpdir(), 'o1-download-'));
  part = join(folder, 'w.gguf.part');
  client = new HttpClient({ endpoint: hub.endpoint, times: TIMES });
});

afterEach(async () => {
  await client.close();
  await hub.close();
  await rm(folder, { recursive: true });
});

const get = (options: Parameters<typeof download>[4] = {}) =>
  download(client, `${hub.endpoint}/o/m/resolve/main/w.gguf`, part, CONTENT.length, options);
// Comparing element by element, as toEqual does, takes a second for this size.
const expectWhole = async () => expect((await readFile(part)).equals(CONTENT)).toBe(true);
const ranges = () => hub.requests.map(({ range }) => range);

test('a whole file in one request', async () => {
  const seen: number[] = [];
  await get({ onBytes: (bytes) => seen.push(bytes) });
  await expectWhole();
  expect(ranges()).toEqual([undefined]);
  expect(seen[0]).toBe(0);
  expect(seen.at(-1)).toBe(CONTENT.length);
});

test('goes on from what an earlier run left, by a range request', async () => {
  await writeFile(part, CONTENT.subarray(0, 123_456));
  await get();
  await expectWhole();
  expect(ranges()).toEqual(['bytes=123456-']);
});

test('a redirection to another host keeps the range and not the token', async () => {
  const store = await startFakeHub();
  const authorized = new HttpClient({ endpoint: hub.endpoint, token: 'hf_secret', times: TIMES });
  try {
    store.repositories.set('o/m', new Map([['w.gguf', CONTENT]]));
    hub.always = { redirectTo: store.endpoint };
    await writeFile(part, CONTENT.subarray(0, 1000));
    await download(authorized, `${hub.endpoint}/o/m/resolve/main/w.gguf`, part, CONTENT.length);
    await expectWhole();
    expect(hub.requests[0]?.authorization).toBe('Bearer hf_secret');
    expect(store.requests).toMatchObject([{ range: 'bytes=1000-', authorization: undefined }]);
  } finally {
    await authorized.close();
    await store.close();
  }
});

test('asks nothing when the earlier run had it all', async () => {
  await writeFile(part, CONTENT);
  await get();
  expect(hub.requests).toEqual([]);
});

test('begins anew when the earlier part is longer than the file', async () => {
  await writeFile(part, Buffer.concat([CONTENT, CONTENT]));
  await get();
  await expectWhole();
  expect(ranges()).toEqual([undefined]);
});

test('a connection that breaks again and again is fine while each brings something', async () => {
  for (let i = 0; i < 7; i++) hub.faults.push({ cutAfter: 40_000 });
  await get();
  await expectWhole();
  expect(ranges()).toHaveLength(8);
  expect(
    ranges()
      .slice(1)
      .every((range) => /^bytes=[1-9]\d*-$/.test(range ?? '')),
  ).toBe(true);
});

test('a connection that brings nothing is given up, and what there was is kept', async () => {
  await writeFile(part, CONTENT.subarray(0, 1000));
  hub.always = { cutAfter: 0 };
  await expect(get()).rejects.toThrow(SourceError);
  expect(hub.requests.length).toBeLessThan(30);
  expect(await bytesOf(part)).toBe(1000);
});

test('a server that ignores ranges gives the right bytes all the same', async () => {
  await writeFile(part, Buffer.alloc(5_000, 1));
  hub.faults.push({ ignoreRange: true });
  await get();
  await expectWhole();
});

test('a server that ignores ranges and breaks at the same place does not go on for ever', async () => {
  hub.always = { ignoreRange: true, cutAfter: 100_000 };
  await expect(get()).rejects.toThrow(SourceError);
  expect(hub.requests.length).toBeLessThan(10);
});

test.each([429, 500, 503])('%i is repeated', async (status) => {
  hub.faults.push({ status }, { status });
  await get();
  await expectWhole();
  expect(hub.requests).toHaveLength(3);
});

test('429 without end is given up with advice', async () => {
  hub.always = { status: 429 };
  await expect(get()).rejects.toThrow(/429.*HF_TOKEN/s);
});

test.each([401, 403, 404])('%i is not repeated', async (status) => {
  hub.faults.push({ status });
  await expect(get()).rejects.toThrow(new RegExp(`w\\.gguf: the server answered ${status}`));
  expect(hub.requests).toHaveLength(1);
});

test('another size than expected is refused before the body', async () => {
  hub.faults.push({ content: randomBytes(299_999, 2) });
  await expect(get()).rejects.toThrow(/expected a file of 300000 bytes, the server says 299999/);
  expect(await bytesOf(part)).toBe(0);
});

test('another size than expected is refused when going on, too', async () => {
  await writeFile(part, CONTENT.subarray(0, 1000));
  hub.faults.push({ content: randomBytes(400_000, 2) });
  await expect(get()).rejects.toThrow(/the server says 400000/);
});

test('a server that does not answer fails soon', async () => {
  hub.always = { hang: true };
  const start = Date.now();
  await expect(get()).rejects.toThrow(/no answer within 0.5 s/);
  expect(Date.now() - start).toBeLessThan(3_000);
});

test('a body that stalls is taken up again where it stopped', async () => {
  hub.faults.push({ stallAfter: 100_000 });
  await get();
  await expectWhole();
  expect(ranges()).toEqual([undefined, 'bytes=100000-']);
});

test('nobody listening fails at once, with the address and the reason', async () => {
  await hub.close();
  const start = Date.now();
  await expect(get()).rejects.toThrow(/127\.0\.0\.1.*ECONNREFUSED/);
  expect(Date.now() - start).toBeLessThan(2_000);
});

test('an abort stops quickly with its reason and leaves a part to go on from', async () => {
  hub.faults.push({ bytesPerSecond: 200_000 });
  const controller = new AbortController();
  const reason = new Error('enough');
  let abortedAt = 0;
  const onBytes = (bytes: number) => {
    if (bytes < 50_000 || controller.signal.aborted) return;
    abortedAt = Date.now();
    controller.abort(reason);
  };
  await expect(get({ signal: controller.signal, onBytes })).rejects.toBe(reason);
  expect(Date.now() - abortedAt).toBeLessThan(500);
  const kept = await bytesOf(part);
  expect(kept).toBeGreaterThan(0);
  await get();
  await expectWhole();
  expect(ranges().at(-1)).toBe(`bytes=${kept}-`);
});

test('an abort ends a pause between repetitions', async () => {
  hub.always = { status: 503, retryAfter: 20 };
  const start = Date.now();
  await expect(get({ signal: AbortSignal.timeout(200) })).rejects.toThrow(/timeout/);
  expect(Date.now() - start).toBeLessThan(3_000);
});
