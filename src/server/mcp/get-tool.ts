import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { z } from 'zod';
import { NotFoundError } from '../../errors.js';
import type { McpCollection } from './mcp-server.js';

const inputSchema = z.strictObject({
  id: z.string().min(1).describe('The id of a hit of `search`, exactly as it stands there: network.md#slow-clients'),
});

/** Registers `get`: one document of the collection, whole. */
export function registerGet(server: McpServer, collection: () => Promise<McpCollection>): void {
  server.registerTool(
    'get',
    {
      title: 'Get a document',
      description: 'Gives the whole text of one passage, by the id that `search` shows.',
      inputSchema,
      annotations: { readOnlyHint: true, idempotentHint: true, openWorldHint: false },
    },
    async ({ id }) => {
      const { store } = await collection();
      const document = (await store.get([id])).get(id);
      if (!document) {
        throw new NotFoundError(`no document has the id ${JSON.stringify(id)}.`, {
          hint: 'Take an id from the hits of search.',
        });
      }
      const { title, text, metadata } = document;
      const parts = [
        ...(title !== undefined && title !== id ? [title] : []),
        ...(metadata ? [JSON.stringify(metadata)] : []),
        text,
      ];
      return { content: [{ type: 'text', text: parts.join('\n\n') }] };
    },
  );
}
