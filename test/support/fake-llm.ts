import { createHash } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ChatBody {
  readonly model: string;
  readonly messages: { readonly role: string; readonly content: string }[];
  readonly max_tokens: number;
  readonly temperature: number;
  readonly seed: number;
}

/** What goes wrong with one request. */
export type Trouble =
  | { readonly kind: 'rate limit'; readonly retryAfter?: string }
  | { readonly kind: 'server error' | 'malformed' | 'half' | 'no choice' | 'blank' | 'hang' | 'reset' }
  /** A refusal that repeats the key, as careless servers do. */
  | { readonly kind: 'refused'; readonly status: number };

export interface SeenChat {
  readonly body: ChatBody;
  readonly headers: IncomingHttpHeaders;
  readonly trouble: Trouble['kind'] | undefined;
}

/** A chat endpoint without a model, on a real socket: it remembers what it was asked, and fails as it is told to. */
export class FakeLlm {
  readonly seen: SeenChat[] = [];
  /** Troubles of the next requests, in order; after them all goes well. */
  readonly troubles: Trouble[] = [];
  /** What a request is answered. Default: words that follow from a hash of the request. */
  reply: (body: ChatBody) => string = wordsOf;
  /** Time that an answer takes. */
  delayMs = 0;
  /** Most requests that were under way at once. */
  busiest = 0;
  #busy = 0;
  readonly #server: Server;

  private constructor() {
    this.#server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      const body: ChatBody = JSON.parse(Buffer.concat(chunks).toString());
      const trouble = this.troubles.shift();
      this.seen.push({ body, headers: request.headers, trouble: trouble?.kind });
      this.busiest = Math.max(this.busiest, ++this.#busy);
      response.on('close', () => this.#busy--);
      if (this.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, this.delayMs));
      if (trouble) this.#fail(trouble, body, request.headers, response);
      else json(response, 200, completion(body, this.reply(body)));
    });
  }

  static async start(): Promise<FakeLlm> {
    const endpoint = new FakeLlm();
    await new Promise<void>((resolve) => endpoint.#server.listen(0, '127.0.0.1', resolve));
    return endpoint;
  }

  get baseURL(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1`;
  }

  /** How often each request was answered without trouble. */
  answered(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const { body, trouble } of this.seen) {
      if (trouble) continue;
      const key = JSON.stringify(body);
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    return counts;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #fail(trouble: Trouble, body: ChatBody, headers: IncomingHttpHeaders, response: ServerResponse): void {
    switch (trouble.kind) {
      case 'rate limit':
        if (trouble.retryAfter !== undefined) response.setHeader('retry-after', trouble.retryAfter);
        json(response, 429, { error: { message: 'slow down' } });
        return;
      case 'server error':
        json(response, 500, { error: { message: 'out of memory' } });
        return;
      case 'malformed':
        response.setHeader('content-type', 'application/json').end('{"choices": [{"message": ');
        return;
      case 'half': {
        const whole = JSON.stringify(completion(body, this.reply(body)));
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(whole) });
        response.write(whole.slice(0, whole.length / 2), () => response.destroy());
        return;
      }
      case 'no choice':
        json(response, 200, { ...completion(body, ''), choices: [] });
        return;
      case 'blank':
        json(response, 200, completion(body, ''));
        return;
      case 'hang':
        return;
      case 'reset':
        response.destroy();
        return;
      case 'refused':
        json(response, trouble.status, { error: { message: `invalid key: ${headers.authorization}` } });
        return;
    }
  }
}

function json(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

function completion({ model, messages }: ChatBody, content: string) {
  const words = (text: string) => text.split(/\s+/).filter(Boolean).length;
  const prompt = messages.reduce((sum, message) => sum + words(message.content), 0);
  return {
    id: 'chat',
    object: 'chat.completion',
    created: 0,
    model,
    choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
    usage: { prompt_tokens: prompt, completion_tokens: words(content), total_tokens: prompt + words(content) },
  };
}

const WORDS = 'index buffer stream query cache token retry folder event signal socket thread'.split(' ');

/** Eight words that follow from the request. */
function wordsOf(body: ChatBody): string {
  const hash = createHash('sha256').update(JSON.stringify(body)).digest();
  return `${[...hash.subarray(0, 8)].map((byte) => WORDS[byte % WORDS.length]).join(' ')}.`;
}
