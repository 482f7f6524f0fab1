import { createRequire } from 'node:module';
import { Command, Option } from 'commander';
import { addCommand } from './add-command.js';
import type { CliContext } from './context.js';
import { addEval } from './eval-command.js';
import { addMcp } from './mcp-command.js';
import { jsonOption, modelOptions, offlineOption, positiveNumber, thinkingOptions, wholeNumber } from './options.js';
import { addServe } from './serve-command.js';
import { addSynth } from './synth-command.js';

const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };

/**
 * The command line: commands, options, help. What a command does is imported when it runs, so that `--help` loads no
 * model library.
 */
export function createProgram(context: CliContext): Command {
  const program = new Command('o1-embedder')
    .description('A thinking embedder: one small language model writes a thought about a query, then embeds both.')
    .version(version, '--version', 'print the version')
    .option('--verbose', 'print stack traces with errors (also: O1_DEBUG=1)')
    .addHelpText('after', PROGRAM_HELP)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => context.stdout.write(text),
      writeErr: (text) => context.stderr.write(text),
    })
    .showHelpAfterError('See the same command with --help.');
  addSearch(program, context);
  addIndex(program, context);
  addFetch(program, context);
  addThink(program, context);
  addExport(program, context);
  addDemo(program, context);
  addTrain(program, context);
  addMcp(program, context);
  addServe(program, context);
  addEval(program, context);
  addSynth(program, context);
  return program;
}

const PROGRAM_HELP = `
Examples:
  $ o1-embedder demo
  $ o1-embedder search ./docs "how do I rotate the logs?"

Results go to stdout, progress and errors to stderr. Exit code: 0, 1 after an error, 130 after Ctrl-C.

Environment:
  O1_CACHE                  folder of models and indexes (default ~/.cache/o1-embedder)
  O1_OFFLINE                1 = never reach for the network
  O1_DEBUG                  1 = print stack traces with errors
  HF_ENDPOINT, HF_TOKEN     another Hugging Face Hub; your token for it
  HTTPS_PROXY, HTTP_PROXY, NO_PROXY   proxies, as elsewhere`;

const indexOption = () =>
  new Option('--index <folder>', "where the index is kept (default: in the cache folder, by the source's path)");

function addSearch(program: Command, context: CliContext): void {
  const options = [
    new Option('--top <k>', 'how many hits').argParser(wholeNumber(1)).default(10),
    ...thinkingOptions(),
    new Option('--stream', 'show instant hits at once, the thought as it is written, then the hits with their moves'),
    new Option('--hybrid', 'fuse with BM25 (reciprocal rank fusion)'),
    indexOption(),
    ...modelOptions(),
    jsonOption('print one JSON object; with --stream one a line'),
  ];
  addCommand(program, 'search', 'answer a question from a folder, a .jsonl file or an index', options)
    .argument('<place>', 'folder of Markdown or text (what is new in it is indexed first), .jsonl file, or index')
    .argument('<question>', 'what you want to know')
    .addHelpText(
      'after',
      `
--stream, --thoughts, --temperature, --seed, --instant-weight and --thought ask for thinking, unless --think says otherwise.

Examples:
  $ o1-embedder search ./docs "how do I rotate the logs?"
  $ o1-embedder search ./docs "how do I rotate the logs?" --stream --top 5
  $ o1-embedder search ./docs "rotate logs" --hybrid --json | jq -r '.hits[].id'
  $ o1-embedder search ./my-index "rotate logs" --thought "logrotate with copytruncate"`,
    )
    .action(async (place, question, values) => {
      const { searchCommand } = await import('./commands/search.js');
      await searchCommand(context, place, question, values);
    });
}

function addIndex(program: Command, context: CliContext): void {
  const options = [
    indexOption(),
    new Option('--id-field <name>', 'field with the id in a .jsonl file (default: _id)'),
    new Option('--title-field <name>', 'field with the title (default: title)'),
    new Option('--text-field <name>', 'field with the text (default: text)'),
    new Option('--skip-bad', 'leave out lines and files that cannot be read, and say which'),
    new Option('--reindex', 'embed everything anew where another model, adapter or mode made the index'),
    ...modelOptions(),
    jsonOption(),
  ];
  addCommand(program, 'index', 'index documents, or what is new among them', options)
    .argument('<source>', 'folder of Markdown or text, folder with corpus.jsonl (BEIR), or .jsonl file (also .gz)')
    .addHelpText(
      'after',
      `
A run that was stopped is taken up by the next one. Documents that are gone from the source leave the index.

Examples:
  $ o1-embedder index ./docs
  $ o1-embedder index faq.jsonl --index ./faq-index --id-field key --text-field answer --skip-bad
  $ o1-embedder index ./docs --mode int4 --reindex`,
    )
    .action(async (source, values) => {
      const { indexCommand } = await import('./commands/index-documents.js');
      await indexCommand(context, source, values);
    });
}

function addFetch(program: Command, context: CliContext): void {
  addCommand(program, 'fetch', 'fetch a model and say where it is', [offlineOption(), jsonOption()])
    .argument(
      '[model]',
      'a name, a folder, or a Hub repository owner/name[@revision][:file.gguf]',
      'smollm2-135m-instruct',
    )
    .addHelpText(
      'after',
      `
Examples:
  $ o1-embedder fetch
  $ o1-embedder fetch HuggingFaceTB/SmolLM2-360M-Instruct`,
    )
    .action(async (model, values) => {
      const { fetchCommand } = await import('./commands/fetch.js');
      await fetchCommand(context, model, values);
    });
}

function addThink(program: Command, context: CliContext): void {
  const options = [
    ...thinkingOptions('always'),
    ...modelOptions(),
    jsonOption('print one JSON object, vectors included'),
  ];
  addCommand(program, 'think', 'show the thought about a query, and how far it moves the vector', options)
    .argument('<query>', 'any text')
    .addHelpText(
      'after',
      `
Examples:
  $ o1-embedder think "watch a folder for changes"
  $ o1-embedder think "watch a folder for changes" --thoughts 3 --temperature 0.7 --seed 1
  $ o1-embedder think "watch a folder for changes" --json | jq .cosine`,
    )
    .action(async (query, values) => {
      const { thinkCommand } = await import('./commands/think.js');
      await thinkCommand(context, query, values);
    });
}

function addExport(program: Command, context: CliContext): void {
  const [model, adapter, , offline] = modelOptions();
  const options = [
    model!,
    adapter!,
    new Option('--dtype <type>', 'how weights are stored').choices(['fp16', 'fp32']).default('fp16'),
    offline!,
    jsonOption(),
  ];
  addCommand(program, 'export', 'write the model with the adapter merged in, for Hugging Face transformers', options)
    .argument('<folder>', 'a new or empty folder')
    .addHelpText(
      'after',
      `
Examples:
  $ o1-embedder export ./merged
  $ o1-embedder export ./merged --adapter ./my-adapter --dtype fp32`,
    )
    .action(async (folder, values) => {
      const { exportCommand } = await import('./commands/export.js');
      await exportCommand(context, folder, values);
    });
}

function addDemo(program: Command, context: CliContext): void {
  const [, adapter, mode, offline] = modelOptions();
  const options = [
    new Option('--fresh', 'index from the start, not from where an earlier run stopped'),
    adapter!,
    mode!,
    offline!,
    jsonOption('print the figures and the five queries as one JSON object'),
  ];
  addCommand(program, 'demo', 'index 2,092 Node.js API entries, ask in both ways, and measure nDCG@10', options)
    .addHelpText(
      'after',
      `
Examples:
  $ o1-embedder demo
  $ o1-embedder demo --json > demo.json`,
    )
    .action(async (values) => {
      const { demoCommand } = await import('./commands/demo.js');
      await demoCommand(context, values);
    });
}

function addTrain(program: Command, context: CliContext): void {
  const options = [
    new Option('--config <recipe>', 'recipe of the run (JSON; see recipes/)').makeOptionMandatory(),
    new Option('--output <folder>', 'new folder for the adapter, the metrics and the checkpoint').default('adapter'),
    new Option('--resume', 'go on with the run that was stopped in the output folder'),
    new Option('--seed <n>', "another seed than the recipe's").argParser(wholeNumber(0)),
    new Option('--batch <queries>', "queries of a step, in every stage, instead of the recipe's").argParser(
      wholeNumber(2),
    ),
    new Option('--learning-rate <rate>', "in every stage, instead of the recipe's").argParser(positiveNumber),
    new Option('--max-tokens <n>', "tokens that are computed at once: less memory, instead of the recipe's").argParser(
      wholeNumber(1),
    ),
    new Option('--threads <n>', 'threads of one run (default: all cores)').argParser(wholeNumber(1)),
    offlineOption(),
    jsonOption(),
  ];
  addCommand(program, 'train', 'train an adapter: to write thoughts and to embed, jointly', options)
    .addHelpText(
      'after',
      `
Ctrl-C writes a checkpoint; the same command with --resume goes on from there.

Examples:
  $ o1-embedder train --config recipes/node-api.json --output ./my-adapter
  $ o1-embedder train --config recipes/node-api.json --output ./my-adapter --resume
  $ o1-embedder demo --adapter ./my-adapter`,
    )
    .action(async (values) => {
      const { trainCommand } = await import('./commands/train.js');
      await trainCommand(context, values);
    });
}
