import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { HashingEncoder } from '../../src/testing/index.js';

export interface SeenRequest {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: {
    readonly model: string;
    readonly input: string[];
    readonly input_type?: string;
    readonly think?: string;
  };
}

/** An answer of the endpoint that is not a list of vectors. */
export interface Refusal {
  readonly status: number;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

/**
 * An embeddings endpoint without a model, on a real socket: it remembers what it was asked, and refuses as often as it is told
 * to. The vector of a query differs from that of the same text as a document.
 */
export class FakeEndpoint {
  readonly seen: SeenRequest[] = [];
  /** Answers of the next requests, in order; after them come vectors. */
  readonly refusals: Refusal[] = [];
  /** Set: requests are left without an answer. */
  silent = false;
  readonly #encoder = new HashingEncoder();
  readonly #server: Server;

  private constructor() {
    this.#server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      const body = JSON.parse(Buffer.concat(chunks).toString());
      this.seen.push({ path: request.url!, headers: request.headers, body });
      if (this.silent) return;
      const refusal = this.refusals.shift();
      if (refusal) {
        response.writeHead(refusal.status, refusal.headers).end(refusal.body);
        return;
      }
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(this.#answer(body)));
    });
  }

  static async start(): Promise<FakeEndpoint> {
    const endpoint = new FakeEndpoint();
    await new Promise<void>((resolve) => endpoint.#server.listen(0, '127.0.0.1', resolve));
    return endpoint;
  }

  get baseURL(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1`;
  }

  /** The vector that the endpoint gives for a text. */
  vector(text: string, inputType = 'document', think = 'never'): Float32Array {
    return this.#encoder.embed(inputType === 'query' ? `${text} ${inputType} ${think}` : text);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer({ model, input, input_type, think }: SeenRequest['body']) {
    const embeddings = input.map((text) => Buffer.from(this.vector(text, input_type, think).buffer).toString('base64'));
    const tokens = input.reduce((sum, text) => sum + text.split(' ').length, 0);
    return {
      object: 'list',
      model,
      data: embeddings.map((embedding, index) => ({ object: 'embedding', index, embedding })),
      usage: { prompt_tokens: tokens, total_tokens: tokens },
    };
  }
}
