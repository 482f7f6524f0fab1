import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';

/** What the fake does to one request for a file; the default is to serve it well. */
export interface Fault {
  /** Answers with this status and nothing else. */
  readonly status?: number;
  readonly retryAfter?: number;
  /** Breaks the connection after so many bytes of the body. */
  readonly cutAfter?: number;
  /** Takes the request and never answers. */
  readonly hang?: boolean;
  /** Sends so many bytes of the body and then nothing more, with the connection open. */
  readonly stallAfter?: number;
  /** Sends the whole file whatever range is asked for. */
  readonly ignoreRange?: boolean;
  /** Another content than the one that the list of files promises. */
  readonly content?: Buffer;
  /** Sends the client to the same path on another host, as the Hub does for large files. */
  readonly redirectTo?: string;
  /** Bytes of the body a second, in pieces of 16 KiB. */
  readonly bytesPerSecond?: number;
}

export interface SeenRequest {
  readonly url: string;
  readonly range: string | undefined;
  readonly authorization: string | undefined;
}

export interface FakeHub {
  readonly endpoint: string;
  /** Every request, in the order of arrival. */
  readonly requests: SeenRequest[];
  /** The requests for files only. */
  downloads(): SeenRequest[];
  /** Faults for the coming requests for files, one each; then all is well. */
  readonly faults: Fault[];
  /** A fault for each request for a file while it is set. */
  always: Fault | undefined;
  /** `owner/name` to its files. */
  readonly repositories: Map<string, Map<string, Buffer>>;
  close(): Promise<void>;
}

/** The commit that every revision of every fake repository stands for. */
export const COMMIT = 'c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00';

const BLOCK = 16_384;

export const sha256 = (content: Buffer) => createHash('sha256').update(content).digest('hex');

/** Bytes that look like nothing in particular, the same for the same seed. */
export function randomBytes(length: number, seed: number): Buffer {
  const blocks: Buffer[] = [];
  for (let i = 0; i * 32 < length; i++) blocks.push(createHash('sha256').update(`${seed}:${i}`).digest());
  return Buffer.concat(blocks).subarray(0, length);
}

/** A server on this machine that answers as the Hugging Face Hub does, and misbehaves on demand. */
export async function startFakeHub(): Promise<FakeHub> {
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    answer(hub, request, response).catch((error) => response.destroy(error));
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  const endpoint = `http://127.0.0.1:${await listen(server)}`;
  const hub: FakeHub = {
    endpoint,
    requests: [],
    downloads: () => hub.requests.filter(({ url }) => url.includes('/resolve/')),
    faults: [],
    always: undefined,
    repositories: new Map(),
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
  return hub;
}

async function answer(hub: FakeHub, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = request.url ?? '';
  hub.requests.push({ url, range: request.headers.range, authorization: request.headers.authorization });
  const api = /^\/api\/models\/([^/]+\/[^/]+)\/(revision|tree)\//.exec(url);
  if (api !== null) {
    const files = hub.repositories.get(api[1]!);
    if (files === undefined) return void response.writeHead(404).end();
    response.setHeader('content-type', 'application/json');
    if (api[2] === 'revision') return void response.end(JSON.stringify({ id: api[1], sha: COMMIT }));
    return void response.end(JSON.stringify([...files].map(([path, content]) => describe(path, content))));
  }
  const file = /^\/([^/]+\/[^/]+)\/resolve\/[^/]+\/(.+)$/.exec(url);
  const content = hub.repositories.get(file?.[1] ?? '')?.get(decodeURIComponent(file?.[2] ?? ''));
  const fault = hub.faults.shift() ?? hub.always ?? {};
  if (fault.hang) return;
  if (fault.status !== undefined) {
    return void response.writeHead(fault.status, { 'retry-after': String(fault.retryAfter ?? 0) }).end();
  }
  if (fault.redirectTo !== undefined) {
    return void response.writeHead(302, { location: `${fault.redirectTo}${url}` }).end();
  }
  if (content === undefined) return void response.writeHead(404).end();
  await serve(fault.content ?? content, fault, request, response);
}

/** As in the Hub's list of files: large files with their SHA-256, small ones with git's object id only. */
function describe(path: string, content: Buffer): object {
  const oid = createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex');
  const lfs = /\.(gguf|safetensors)$/.test(path) ? { lfs: { oid: sha256(content), size: content.length } } : {};
  return { type: 'file', path, size: content.length, oid, ...lfs };
}

async function serve(content: Buffer, fault: Fault, request: IncomingMessage, response: ServerResponse) {
  const range = fault.ignoreRange ? undefined : /^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1];
  const from = Number(range ?? 0);
  if (from >= content.length && content.length > 0) return void response.writeHead(416).end();
  const body = content.subarray(from);
  response.writeHead(range === undefined ? 200 : 206, {
    'content-length': body.length,
    ...(range === undefined ? {} : { 'content-range': `bytes ${from}-${content.length - 1}/${content.length}` }),
  });
  const end = Math.min(fault.cutAfter ?? body.length, fault.stallAfter ?? body.length);
  for (let at = 0; at < end && !response.destroyed; at += BLOCK) {
    const block = body.subarray(at, Math.min(at + BLOCK, end));
    await new Promise((resolve) => response.write(block, resolve));
    if (fault.bytesPerSecond !== undefined) {
      await new Promise((resolve) => setTimeout(resolve, (block.length / fault.bytesPerSecond!) * 1000));
    }
  }
  if (fault.cutAfter !== undefined) {
    // A client loses what it has not read when the connection breaks: let it read first.
    await new Promise((resolve) => setTimeout(resolve, 30));
    response.destroy();
  }
  if (fault.cutAfter === undefined && fault.stallAfter === undefined) response.end();
}

/** A forward proxy for CONNECT requests, as companies have them; `targets` lists what was asked for. */
export async function startFakeProxy(): Promise<{ url: string; targets: string[]; close(): Promise<void> }> {
  const targets: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((_, response) => response.writeHead(400).end());
  server.on('connect', (request: IncomingMessage, client: Socket) => {
    targets.push(request.url ?? '');
    const [host, port] = (request.url ?? '').split(':');
    const upstream = connect(Number(port), host, () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      upstream.pipe(client).pipe(upstream);
    });
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
    }
  });
  return {
    url: `http://127.0.0.1:${await listen(server)}`,
    targets,
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)));
}
