import { type Command, Option } from 'commander';
import { addCommand } from './add-command.js';
import {
  commonOptions,
  limitOption,
  memberAccessOptions,
  memberOptions,
  negativeOptions,
  outputOption,
  queryOptions,
  seedOption,
  temperatureOption,
  thoughtOptions,
  voteOptions,
} from './commands/synth-options.js';
import type { CliContext } from './context.js';
import { jsonOption, offlineOption, wholeNumber } from './options.js';

/** Adds `synth` with its stages: a corpus becomes training data. */
export function addSynth(program: Command, context: CliContext): void {
  const synth = addCommand(program, 'synth', 'make training data: an expert explores, a committee refines', []);
  synth.addHelpText('after', SYNTH_HELP);
  addAll(synth, context);
  addQueries(synth, context);
  addThoughts(synth, context);
  addRefine(synth, context);
  addNegatives(synth, context);
  addReport(synth, context);
}

const SYNTH_HELP = `
What an LLM has answered is kept in the output folder's journal: the same command again asks only what is missing, also
after a crash. Try it out with --limit 10.

Examples:
  $ o1-embedder synth ./docs --output ./docs-set
  $ o1-embedder synth ./docs --output ./docs-set --expert http://127.0.0.1:11434/v1#qwen3:8b
  $ OPENAI_API_KEY=... o1-embedder synth ./my-beir-set --output ./my-set --api-key-env OPENAI_API_KEY \\
      --expert https://api.openai.com/v1#gpt-5-mini --prompt-price 0.25 --completion-price 2 --budget 5
  $ o1-embedder synth report ./docs-set

The stages one by one: see synth queries --help and so on.`;

const SOURCE = 'folder of Markdown or text, folder with corpus.jsonl (BEIR), or .jsonl file (also .gz)';

function addAll(synth: Command, context: CliContext): void {
  const options = [
    outputOption(),
    limitOption('documents or queries'),
    ...queryOptions(),
    ...thoughtOptions(),
    temperatureOption(0.8),
    ...memberOptions(),
    ...voteOptions(),
    ...negativeOptions(),
    ...commonOptions(),
  ];
  const command = synth
    .command('all', { isDefault: true })
    .description('all stages, one after the other (the default)');
  for (const option of options) command.addOption(option);
  command
    .argument('<source>', `${SOURCE}; one with queries and qrels needs no queries written`)
    .action(async (source, values) => {
      const { synthAllCommand } = await import('./commands/synth-all.js');
      await synthAllCommand(context, source, values);
    });
}

function addQueries(synth: Command, context: CliContext): void {
  const options = [
    outputOption(),
    limitOption('documents'),
    ...queryOptions(),
    ...memberAccessOptions(),
    temperatureOption(0.7),
    ...commonOptions(),
  ];
  addCommand(synth, 'queries', 'write queries for documents, and keep those that find their document again', options)
    .argument('<source>', SOURCE)
    .addHelpText(
      'after',
      `
Writes a data set in BEIR's format, split by document into train, dev and test.

Examples:
  $ o1-embedder synth queries ./docs --output ./docs-set --limit 20
  $ o1-embedder synth queries ./docs --output ./docs-set --expert http://127.0.0.1:8000/v1#my-model`,
    )
    .action(async (source, values) => {
      const { synthQueriesCommand } = await import('./commands/synth-queries.js');
      await synthQueriesCommand(context, source, values);
    });
}

function addThoughts(synth: Command, context: CliContext): void {
  const options = [
    outputOption(),
    limitOption('queries'),
    ...thoughtOptions(),
    temperatureOption(0.8),
    ...commonOptions(),
  ];
  addCommand(synth, 'thoughts', 'write candidate thoughts about queries, or import them', options)
    .argument('<set>', "data set in BEIR's format")
    .addHelpText(
      'after',
      `
Examples:
  $ o1-embedder synth thoughts ./docs-set --output ./docs-set --limit 10
  $ o1-embedder synth thoughts ./scifact --output ./out --candidates data/expert/scifact.train.jsonl.gz
  $ o1-embedder synth thoughts ./code --output ./out --task "Write code that answers the query."`,
    )
    .action(async (set, values) => {
      const { synthThoughtsCommand } = await import('./commands/synth-thoughts.js');
      await synthThoughtsCommand(context, set, values);
    });
}

function addRefine(synth: Command, context: CliContext): void {
  const options = [
    outputOption(),
    new Option('--split <name>', 'of the data set').default('train'),
    limitOption('queries'),
    ...memberOptions(),
    ...voteOptions(),
    offlineOption(),
    jsonOption('print the summary as one JSON object'),
  ];
  addCommand(synth, 'refine', 'let a committee of retrievers choose among the candidates', options)
    .argument('<set>', "data set in BEIR's format")
    .addHelpText(
      'after',
      `
Examples:
  $ o1-embedder synth refine ./docs-set --output ./docs-set
  $ o1-embedder synth refine ./scifact --output ./out --member bm25 --member self --adapter ./my-adapter`,
    )
    .action(async (set, values) => {
      const { synthRefineCommand } = await import('./commands/synth-refine.js');
      await synthRefineCommand(context, set, values);
    });
}

function addNegatives(synth: Command, context: CliContext): void {
  const options = [
    outputOption(),
    new Option('--split <name>', 'of the data set').default('train'),
    limitOption('queries'),
    ...memberOptions(),
    ...negativeOptions(),
    seedOption(),
    offlineOption(),
    jsonOption('print the summary as one JSON object'),
  ];
  addCommand(synth, 'negatives', 'find hard negatives: what the committee finds for a query and is no answer', options)
    .argument('<set>', "data set in BEIR's format")
    .addHelpText(
      'after',
      `
Examples:
  $ o1-embedder synth negatives ./docs-set --output ./docs-set
  $ o1-embedder synth negatives ./scifact --output ./out --negatives 7 --pick top`,
    )
    .action(async (set, values) => {
      const { synthNegativesCommand } = await import('./commands/synth-negatives.js');
      await synthNegativesCommand(context, set, values);
    });
}

function addReport(synth: Command, context: CliContext): void {
  const options = [
    new Option('--set <folder>', 'the data set, for the texts of queries and documents (default: the folder itself)'),
    new Option('--split <name>', 'of the data set').default('train'),
    new Option('--samples <n>', 'queries shown with all their candidates').argParser(wholeNumber(0)).default(20),
    new Option(
      '--judge <member>',
      'measure nDCG@10 with the winner, a random, the worst and the best candidate, by a retriever that is not of the committee',
    ),
    ...memberAccessOptions(),
    seedOption(),
    offlineOption(),
    jsonOption('print where the report is as one JSON object'),
  ];
  addCommand(synth, 'report', 'write one HTML page about what was made', options)
    .argument('<folder>', 'output folder of synth')
    .addHelpText(
      'after',
      `
Examples:
  $ o1-embedder synth report ./docs-set
  $ o1-embedder synth report ./out --set ./scifact --judge encoder:Xenova/bge-small-en-v1.5`,
    )
    .action(async (folder, values) => {
      const { synthReportCommand } = await import('./commands/synth-report.js');
      await synthReportCommand(context, folder, values);
    });
}
