import { open, rm, stat } from 'node:fs/promises';
import type { Response } from 'undici';
import { crashPoint } from '../crash-point.js';
import { throwIfAborted } from '../errors.js';
import { isDiskError } from './cache.js';
import { type HttpClient, REPETITIONS, SourceError, statusError } from './http.js';

/** The size of a file, 0 when there is none. */
export async function bytesOf(path: string): Promise<number> {
  const found = await stat(path).catch(() => undefined);
  return found?.isFile() ? found.size : 0;
}

/**
 * Fetches `url` into the file `part`, going on where an earlier run stopped, until it has exactly `bytes` bytes. The content
 * is not checked here. When it throws, what arrived so far stays in `part` for the next run, unless it cannot be right.
 *
 * @param onBytes called with the length of `part` as it grows
 */
export async function download(
  client: HttpClient,
  url: string,
  part: string,
  bytes: number,
  options: { signal?: AbortSignal | undefined; onBytes?: ((bytes: number) => void) | undefined } = {},
): Promise<void> {
  const { signal } = options;
  let most = await bytesOf(part);
  for (let fruitless = 0; ; ) {
    throwIfAborted(signal);
    let have = await bytesOf(part);
    if (have > bytes) {
      await rm(part);
      have = 0;
    }
    options.onBytes?.(have);
    if (have === bytes && have > 0) return;
    try {
      await receive(client, url, part, have, bytes, options);
      return;
    } catch (error) {
      throwIfAborted(signal);
      if (isDiskError(error)) throw error;
      const failure = client.failure(error, url);
      const now = await bytesOf(part);
      // A connection that breaks again and again is fine as long as each one brings something new.
      fruitless = now > most ? 0 : fruitless + 1;
      most = Math.max(most, now);
      if (!failure.retry || fruitless >= REPETITIONS) throw failure;
      await client.pause(fruitless, signal);
    }
  }
}

async function receive(
  client: HttpClient,
  url: string,
  part: string,
  have: number,
  bytes: number,
  options: { signal?: AbortSignal | undefined; onBytes?: ((bytes: number) => void) | undefined },
): Promise<void> {
  const headers: Record<string, string> = have > 0 ? { range: `bytes=${have}-` } : {};
  const response = await client.fetch(url, { headers, signal: options.signal ?? null });
  let received = await acceptedFrom(response, url, have, bytes).catch(async (error: unknown) => {
    await response.body?.cancel();
    throw error;
  });
  const file = await open(part, received > 0 ? 'a' : 'w');
  try {
    for await (const block of response.body ?? []) {
      if (received + block.length > bytes) {
        await rm(part, { force: true });
        throw new SourceError(`expected ${bytes} bytes, the server sends more.`, false, { where: url });
      }
      await file.writeFile(block);
      received += block.length;
      options.onBytes?.(received);
      if (received < bytes) crashPoint('fetch-mid');
    }
  } finally {
    await file.close();
  }
  if (received < bytes) {
    throw new SourceError(`the connection ended after ${received} of ${bytes} bytes.`, true, { where: url });
  }
}

/** The position from which the answer's body goes on: `have`, or 0 when the server ignores ranges. */
async function acceptedFrom(response: Response, url: string, have: number, bytes: number): Promise<number> {
  if (response.status === 416) {
    throw new SourceError(`expected ${bytes} bytes, the server has no more than ${have}.`, false, { where: url });
  }
  if (response.status !== 200 && response.status !== 206) throw statusError(response.status, url);
  let from = 0;
  let total = Number(response.headers.get('content-length') ?? Number.NaN);
  if (response.status === 206) {
    const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers.get('content-range') ?? '');
    from = Number(range?.[1]);
    total = Number(range?.[2]);
    if (from !== have) {
      const got = response.headers.get('content-range') ?? 'no Content-Range';
      throw new SourceError(`expected the file from byte ${have}, got ${got}.`, false, { where: url });
    }
  }
  if (Number.isFinite(total) && total !== bytes) {
    throw new SourceError(`expected a file of ${bytes} bytes, the server says ${total}.`, false, { where: url });
  }
  return from;
}
