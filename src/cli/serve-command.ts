import { type Command, InvalidArgumentError, Option } from 'commander';
import { addCommand } from './add-command.js';
import type { CliContext } from './context.js';
import { modelOptions, wholeNumber } from './options.js';

/** Adds `serve`: the model over HTTP. */
export function addServe(program: Command, context: CliContext): void {
  const options = [
    new Option('--port <n>', '0 takes a free one').argParser(port).default(8080),
    new Option('--host <address>', 'address to listen on').default('127.0.0.1'),
    new Option(
      '--api-key-env <name>',
      'environment variable with a key that callers must send as a bearer token (default: none)',
    ),
    new Option(
      '--cors <origin>',
      'origin of web pages that may call, such as https://app.example (default: none)',
    ).argParser(origin),
    new Option(
      '--allow-host <name>',
      'name under which callers may reach the server, beside localhost and addresses; may be repeated',
    )
      .argParser((name: string, names: string[]) => [...names, name])
      .default([], 'none'),
    new Option('--queue <n>', 'requests that may wait; one more is answered 429').argParser(wholeNumber(1)).default(64),
    new Option('--cache <folder>', 'keep thoughts here, so that they survive a restart (default: in memory)'),
    new Option('--index <folder>', "where the index is kept (default: in the cache folder, by the place's path)"),
    new Option('--log-queries', 'write the texts of queries to the log'),
    ...modelOptions(),
  ];
  addCommand(program, 'serve', "serve embeddings (OpenAI's API), search and thoughts over HTTP", options)
    .argument('[place]', 'folder of Markdown or text (what is new in it is indexed first), .jsonl file, or index')
    .addHelpText(
      'after',
      `
A page to try it stands at the address that is printed. The log goes to stderr. Ctrl-C or SIGTERM: started requests are
finished, new ones refused, and the exit code is 0.

Examples:
  $ o1-embedder serve ./docs
  $ O1_KEY=secret o1-embedder serve ./docs --host 0.0.0.0 --api-key-env O1_KEY --allow-host search.example
  $ o1-embedder serve --port 0 --cache ./thoughts --mode int4

  $ curl -s localhost:8080/v1/search -H 'content-type: application/json' -d '{"query": "rotate logs", "think": "always"}'`,
    )
    .action(async (place, values) => {
      const { serveCommand } = await import('./commands/serve.js');
      await serveCommand(context, place, values);
    });
}

function port(text: string): number {
  const value = wholeNumber(0)(text);
  if (value <= 65_535) return value;
  throw new InvalidArgumentError('Expected a port, from 0 to 65535.');
}

function origin(text: string): string {
  if (URL.canParse(text) && new URL(text).origin === text) return text;
  throw new InvalidArgumentError('Expected an origin: scheme, host and port, nothing after it.');
}
