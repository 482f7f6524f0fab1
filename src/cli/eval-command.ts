import { type Command, Option } from 'commander';
import { addCommand } from './add-command.js';
import type { CliContext } from './context.js';
import { jsonOption, modelOptions, wholeNumber } from './options.js';

/** Adds `eval`: systems side by side on data sets. */
export function addEval(program: Command, context: CliContext): void {
  const list = (text: string) =>
    text
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '');
  const options = [
    new Option('--suite <name>', 'data sets: small = Node API, SciFact with its unseen slice, CoSQA').choices([
      'small',
    ]),
    new Option('--data <name[=folder]>', "a data set, by name or any folder in BEIR's format; may be repeated")
      .argParser((value: string, values: string[]) => [...values, value])
      .default([], 'none'),
    new Option('--list-data', 'list the data sets that are known by name, and where to get them'),
    new Option('--systems <list>', 'separated by commas (default: all)').argParser(list),
    new Option(
      '--measures <list>',
      'the first is compared (default: nDCG@10,MRR@10,Recall@100,Recall@1000,MAP)',
    ).argParser(list),
    new Option('--output <folder>', 'where report.html, report.md and results.json are written').default('evaluation'),
    new Option('--runs', "write every system's run in TREC's format, into OUTPUT/runs"),
    new Option('--seed <n>', 'of the significance tests').argParser(wholeNumber(0)).default(0),
    ...modelOptions(),
    jsonOption('print the results as one JSON object'),
  ];
  addCommand(program, 'eval', 'measure systems side by side, with significance, and write a report', options)
    .addHelpText(
      'after',
      `
Systems: bm25, encoder:<model>, o1:never (no thought), o1:k1, o1:k3 (one thought, three), o1:always (the adapter's own way to
think), o1:auto (where its rule says so), o1:expert (recorded thoughts of an LLM expert), and each but bm25 fused with it,
as in o1:always+bm25. Vectors are cached: a run that was stopped or killed goes on, with the same command.

Examples:
  $ o1-embedder eval --suite small
  $ o1-embedder eval --suite small --adapter ./my-adapter --output ./my-results
  $ o1-embedder eval --data cranfield=./cranfield --systems bm25,o1:never,o1:always,o1:always+bm25
  $ o1-embedder eval --list-data`,
    )
    .action(async (values) => {
      const { evalCommand } = await import('./commands/eval.js');
      await evalCommand(context, values);
    });
}
