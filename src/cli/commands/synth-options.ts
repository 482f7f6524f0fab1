import { Option } from 'commander';
import { jsonOption, offlineOption, positiveNumber, share, wholeNumber } from '../options.js';

/** Options that several commands of `synth` have. Nothing else is loaded for them: help is quick. */

export const outputOption = () => new Option('--output <folder>', 'where everything is written').default('synth');
export const limitOption = (what: string) =>
  new Option('--limit <n>', `for a try-out: only so many ${what}`).argParser(wholeNumber(1));
export const seedOption = () => new Option('--seed <n>', 'of all that is drawn').argParser(wholeNumber(0)).default(0);
export const temperatureOption = (value: number) =>
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

export const commonOptions = () => [
  ...expertOptions(),
  tokenizerOption(),
  seedOption(),
  offlineOption(),
  jsonOption('print the summary as one JSON object'),
];

export const queryOptions = () => [
  new Option(
    '--round-trip <member>',
    'by what a query must find its document: bm25, encoder:<model>, embeddings:<url>#<model>, or self',
  ).default('bm25'),
  new Option('--top <n>', '... among so many hits').argParser(wholeNumber(1)).default(10),
  new Option('--dev <share>', 'share of the documents whose queries go to dev').argParser(share).default(0.1),
  new Option('--test <share>', '... to test').argParser(share).default(0.1),
];

export const thoughtOptions = () => [
  new Option('--split <name>', 'whose queries are thought about').default('train'),
  new Option('--candidates <file>', 'take thoughts that were written elsewhere, instead of asking an expert'),
  new Option('--thoughts <k>', 'candidates of each query').argParser(wholeNumber(1)).default(3),
  new Option('--examples <n>', 'pairs of query and document in the prompt').argParser(wholeNumber(0)).default(3),
  new Option('--task <text>', "what a thought is, for this data set (default: the paper's text)"),
  new Option('--max-tokens <n>', 'longest thought, in tokens of the embedder').argParser(wholeNumber(1)).default(96),
];

/** How a member is reached, wherever one is named. */
export const memberAccessOptions = () => [
  new Option('--member-key-env <name>', 'environment variable that holds the key of embeddings:<url>'),
  new Option('--model <name>', "base model of self (default: the adapter's)"),
  new Option('--adapter <folder>', 'adapter of self: a folder, or the name of one that comes with the package'),
];

/** DEFAULT_MEMBERS of the synth room, which is not loaded for help. */
const MEMBERS = ['bm25', 'encoder:all-minilm-l6-v2', 'encoder:paraphrase-minilm-l3-v2'];

export const memberOptions = () => [
  new Option(
    '--member <member>',
    'may be repeated: bm25, encoder:<name, folder or Hub repository>, embeddings:<url>#<model>, or self (an O1 Embedder)',
  )
    .argParser((name: string, names: readonly string[]) => (names === MEMBERS ? [name] : [...names, name]))
    .default(MEMBERS),
  ...memberAccessOptions(),
];

export const voteOptions = () => [
  new Option('--vote <kind>', "soft: each member's softmax, summed; hard: one vote a member")
    .choices(['soft', 'hard'])
    .default('soft'),
  new Option('--together', 'all members in memory at once'),
];

/** The defaults are NEGATIVE_DEFAULTS of the synth room. */
export const negativeOptions = () => [
  new Option('--negatives <n>', 'of each query').argParser(wholeNumber(1)).default(15),
  new Option('--first-rank <n>', 'of the hits that are taken').argParser(wholeNumber(1)).default(2),
  new Option('--last-rank <n>', 'of the hits that are taken').argParser(wholeNumber(1)).default(100),
  new Option('--near-share <s>', "leave out what scores over this share of the positive's")
    .argParser(positiveNumber)
    .default(0.95),
  new Option('--pick <how>', 'among what is left').choices(['sample', 'top']).default('sample'),
];
