import { type Command, Option } from 'commander';
import { addCommand } from './add-command.js';
import type { CliContext } from './context.js';
import { jsonOption, modelOptions, offlineOption, positiveNumber, share, wholeNumber } from './options.js';

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

const outputOption = () => new Option('--output <folder>', 'where everything is written').default('synth');
const limitOption = (what: string) =>
  new Option('--limit <n>', `for a try-out: only so many ${what}`).argParser(wholeNumber(1));
const seedOption = () => new Option('--seed <n>', 'of all that is drawn').argParser(wholeNumber(0)).default(0);
const temperatureOption = (value: number) =>
  new Option('--temperature <t>', '0 writes the likeliest answer').argParser(positiveNumber).default(value);

/** The expert, and how it is asked. */
const expertOptions = () => [
  new Option(
    '--expert <model>',
    'local:<name, folder, .gguf file or Hub repository>, http(s)://host/v1#model, or recorded:<file>',
  ).default('local:smollm2-135m-instruct'),
  new Option(
    '--api-key-env <name>',
    'environment variable that holds the key of the endpoint (default: no key is sent)',
  ),
  new Option('--record <file>', 'also append all answers to this file, for --expert recorded:<file>'),
  new Option('--mode <mode>', 'how a local model holds its weights').choices(['fp32', 'int8', 'int4']).default('int8'),
  new Option('--concurrency <n>', 'requests at once').argParser(wholeNumber(1)).default(4),
  new Option('--requests-per-minute <n>', 'at most').argParser(wholeNumber(1)),
  new Option('--timeout <seconds>', 'for one answer').argParser(positiveNumber).default(120),
  new Option('--attempts <n>', 'times a request is sent before it is given up').argParser(wholeNumber(1)).default(6),
  new Option('--prompt-price <money>', 'for a million prompt tokens, in any currency').argParser(positiveNumber),
  new Option('--completion-price <money>', 'for a million completion tokens').argParser(positiveNumber),
  new Option('--budget <money>', 'stop this run when it has cost so much').argParser(positiveNumber),
  new Option('--budget-tokens <n>', 'stop this run when it has used so many tokens').argParser(wholeNumber(1)),
];

const tokenizerOption = () =>
  new Option('--tokenizer <model>', "the embedder's base model, whose tokens are counted").default(
    'smollm2-135m-instruct',
  );

const commonOptions = () => [
  ...expertOptions(),
  tokenizerOption(),
  seedOption(),
  offlineOption(),
  jsonOption('print the summary as one JSON object'),
];

const queryOptions = () => [
  new Option(
    '--round-trip <member>',
    'by what a query must find its document: bm25, encoder:<model>, embeddings:<url>#<model>',
  ).default('bm25'),
  new Option('--top <n>', '... among so many hits').argParser(wholeNumber(1)).default(10),
  new Option('--dev <share>', 'share of the documents whose queries go to dev').argParser(share).default(0.1),
  new Option('--test <share>', '... to test').argParser(share).default(0.1),
];

const thoughtOptions = () => [
  new Option('--split <name>', 'whose queries are thought about').default('train'),
  new Option('--candidates <file>', 'take thoughts that were written elsewhere, instead of asking an expert'),
  new Option('--thoughts <k>', 'candidates of each query').argParser(wholeNumber(1)).default(3),
  new Option('--examples <n>', 'pairs of query and document in the prompt').argParser(wholeNumber(0)).default(3),
  new Option('--task <text>', "what a thought is, for this data set (default: the paper's text)"),
  new Option('--max-tokens <n>', 'longest thought, in tokens of the embedder').argParser(wholeNumber(1)).default(96),
];

/** DEFAULT_MEMBERS of the synth room, which is not loaded for help. */
const MEMBERS = ['bm25', 'encoder:all-minilm-l6-v2', 'encoder:paraphrase-minilm-l3-v2'];

const memberOptions = () => [
  new Option(
    '--member <member>',
    'may be repeated: bm25, encoder:<name, folder or Hub repository>, embeddings:<url>#<model>, or self (an O1 Embedder)',
  )
    .argParser((name: string, names: readonly string[]) => (names === MEMBERS ? [name] : [...names, name]))
    .default(MEMBERS),
  new Option('--member-key-env <name>', 'environment variable that holds the key of embeddings:<url>'),
  ...modelOptions().slice(0, 2),
];

const voteOptions = () => [
  new Option('--vote <kind>', "soft: each member's softmax, summed; hard: one vote a member")
    .choices(['soft', 'hard'])
    .default('soft'),
  new Option('--together', 'all members in memory at once'),
];

/** The defaults are NEGATIVE_DEFAULTS of the synth room. */
const negativeOptions = () => [
  new Option('--negatives <n>', 'of each query').argParser(wholeNumber(1)).default(15),
  new Option('--first-rank <n>', 'of the hits that are taken').argParser(wholeNumber(1)).default(2),
  new Option('--last-rank <n>', 'of the hits that are taken').argParser(wholeNumber(1)).default(100),
  new Option('--near-share <s>', "leave out what scores over this share of the positive's")
    .argParser(positiveNumber)
    .default(0.95),
  new Option('--pick <how>', 'among what is left').choices(['sample', 'top']).default('sample'),
];

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
      'measure nDCG@10 with the winner, a random and the worst candidate, by an encoder that is not of the committee',
    ),
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
