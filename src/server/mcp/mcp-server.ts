import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import type { QueryEvent, QueryOptions } from '../../embedder/index.js';
import type { VectorStore } from '../../search/index.js';
import { registerGet } from './get-tool.js';
import { registerSearch } from './search-tool.js';

/** Documents, and the model that finds them. */
export interface McpCollection {
  readonly service: { query(text: string, options?: QueryOptions): AsyncIterable<QueryEvent> };
  readonly store: Pick<VectorStore, 'search' | 'get'>;
}

export interface McpServerOptions {
  /** This package's version. */
  readonly version: string;
  /** What the user calls the documents: the folder's or file's path. */
  readonly source: string;
  /** Gives the collection, as soon as it is there: a client does not wait for the model to be loaded, the first search does. */
  readonly collection: () => Promise<McpCollection>;
}

/**
 * A Model Context Protocol server with two tools: `search` finds passages, `get` gives one of them whole. It is not
 * connected yet: give it a transport.
 *
 * Parameters that a tool does not have are errors, so that a caller learns of a misspelt one.
 */
export function createMcpServer({ version, source, collection }: McpServerOptions): McpServer {
  const server = new McpServer(
    { name: 'o1-embedder', title: 'O1 Embedder', version },
    {
      instructions: `Searches ${source} by meaning. Call \`search\` with what you want to know and with a \`thought\` of your own about what the answer says; call \`get\` for the whole text of a hit.`,
    },
  );
  registerSearch(server, source, collection);
  registerGet(server, collection);
  return server;
}
