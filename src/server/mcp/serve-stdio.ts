import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';

export interface StdioOptions {
  /** Default: the process's own. */
  readonly input?: Readable;
  /** Nothing but the protocol may be written to it. Default: the process's own. */
  readonly output?: Writable;
  /** Ends the connection. */
  readonly signal?: AbortSignal;
}

/** Speaks the protocol over the process's standard streams until the client hangs up. */
export async function serveStdio(server: McpServer, options: StdioOptions = {}): Promise<void> {
  const { input = process.stdin, output = process.stdout, signal } = options;
  // The SDK's transport does not tell the end of its input.
  const ended = once(input, 'end', signal ? { signal } : {}).catch((error) => {
    if (!signal?.aborted) throw error;
  });
  await server.connect(new StdioServerTransport(input, output));
  try {
    await ended;
  } finally {
    await server.close();
  }
}
