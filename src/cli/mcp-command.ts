import { type Command, Option } from 'commander';
import { addCommand } from './add-command.js';
import type { CliContext } from './context.js';
import { modelOptions } from './options.js';

/** Adds `mcp`: documents as tools for a coding agent. */
export function addMcp(program: Command, context: CliContext): void {
  const options = [
    new Option('--index <folder>', "where the index is kept (default: in the cache folder, by the source's path)"),
    ...modelOptions(),
  ];
  addCommand(program, 'mcp', 'let a coding agent search documents (Model Context Protocol, over stdio)', options)
    .argument('<place>', 'folder of Markdown or text (what is new in it is indexed first), .jsonl file, or index')
    .addHelpText(
      'after',
      `
The agent starts the program itself and gets two tools: search and get. Index large folders beforehand, so that its first
search need not wait.

Examples:
  $ o1-embedder index ./docs
  $ claude mcp add docs -- npx o1-embedder mcp ./docs

  {"mcpServers": {"docs": {"command": "npx", "args": ["o1-embedder", "mcp", "/path/to/docs"]}}}`,
    )
    .action(async (place, values) => {
      const { mcpCommand } = await import('./commands/mcp.js');
      await mcpCommand(context, place, values);
    });
}
