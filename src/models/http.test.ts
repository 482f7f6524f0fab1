import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type FakeHub, startFakeHub, startFakeProxy } from '../../test/support/fake-hub.js';
import { HttpClient } from './http.js';

const TOKEN = 'hf_verysecret';

let hub: FakeHub;

beforeEach(async () => {
  hub = await startFakeHub();
  for (const name of ['HTTP_PROXY', 'http_proxy', 'HTTPS_PROXY', 'https_proxy', 'NO_PROXY', 'no_proxy']) {
    vi.stubEnv(name, undefined);
  }
  hub.repositories.set('o/m', new Map([['w.gguf', Buffer.from('weights')]]));
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await hub.close();
});

async function withClient<T>(work: (client: HttpClient) => Promise<T>): Promise<T> {
  const client = new HttpClient({ times: { backoffMs: 5 } });
  try {
    return await work(client);
  } finally {
    await client.close();
  }
}

const text = (url: string) => withClient(async (client) => (await client.fetch(url)).text());
const url = () => `${hub.endpoint}/o/m/resolve/main/w.gguf`;

test('HF_ENDPOINT is asked, with HF_TOKEN', async () => {
  vi.stubEnv('HF_ENDPOINT', `${hub.endpoint}/`);
  vi.stubEnv('HF_TOKEN', TOKEN);
  expect(await withClient(async (client) => client.endpoint)).toBe(hub.endpoint);
  expect(await text(url())).toBe('weights');
  expect(hub.requests[0]?.authorization).toBe(`Bearer ${TOKEN}`);
});

test('no other host gets the token', async () => {
  vi.stubEnv('HF_ENDPOINT', 'http://hub.invalid');
  vi.stubEnv('HF_TOKEN', TOKEN);
  expect(await text(url())).toBe('weights');
  expect(hub.requests[0]?.authorization).toBeUndefined();
});

test('no error carries the token', async () => {
  vi.stubEnv('HF_ENDPOINT', 'http://127.0.0.1:1');
  vi.stubEnv('HF_TOKEN', TOKEN);
  const error = await text(`http://127.0.0.1:1/${TOKEN}`).catch((thrown: Error) => thrown);
  expect(error).toBeInstanceOf(Error);
  expect(String(error)).toContain('***');
  expect(`${error} ${JSON.stringify(error)}`).not.toContain(TOKEN);
});

test('an address with a password is refused without repeating it', () => {
  vi.stubEnv('HF_ENDPOINT', 'https://me:geheim@hub.example');
  expect(() => new HttpClient()).toThrow(/HF_ENDPOINT: expected an address/);
  expect(() => new HttpClient()).not.toThrow(/geheim/);
});

test('a proxy by HTTP_PROXY is used, unless NO_PROXY names the host', async () => {
  const proxy = await startFakeProxy();
  try {
    vi.stubEnv('HTTP_PROXY', proxy.url);
    expect(await text(url())).toBe('weights');
    expect(proxy.targets).toEqual([new URL(hub.endpoint).host]);
    vi.stubEnv('NO_PROXY', '127.0.0.1');
    expect(await text(url())).toBe('weights');
    expect(proxy.targets).toHaveLength(1);
  } finally {
    await proxy.close();
  }
});

test('HTTPS_PROXY serves https addresses, and its password stays out of the error', async () => {
  const proxy = await startFakeProxy();
  try {
    vi.stubEnv('HTTPS_PROXY', proxy.url.replace('//', '//user:geheim@'));
    // The fake Hub speaks no TLS: that the proxy was asked for it is what counts.
    const error = await text(hub.endpoint.replace('http:', 'https:')).catch((thrown: Error) => thrown);
    expect(proxy.targets[0]).toBe(new URL(hub.endpoint).host);
    expect(error).toBeInstanceOf(Error);
    expect(String(error)).not.toContain('geheim');
  } finally {
    await proxy.close();
  }
});
