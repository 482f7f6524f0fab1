import { InvalidArgumentError, Option } from 'commander';
import type { NumericMode } from '../decoder/index.js';

/** Options that several commands share, and readers of their values. */

const MODES = ['fp32', 'int8', 'int4'] as const satisfies readonly NumericMode[];

/** A whole number from `least` up. */
export const wholeNumber = (least: number) => (text: string) => {
  const value = Number(text);
  if (text.trim() !== '' && Number.isSafeInteger(value) && value >= least) return value;
  throw new InvalidArgumentError(`Expected a whole number from ${least} up.`);
};

/** A number from 0 up. */
export function positiveNumber(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= 0 && value < Number.POSITIVE_INFINITY) return value;
  throw new InvalidArgumentError('Expected a number from 0 up.');
}

/** A number from 0 to 1. */
export function share(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= 0 && value <= 1) return value;
  throw new InvalidArgumentError('Expected a number from 0 to 1.');
}

export const modelOptions = () => [
  new Option(
    '--model <name>',
    "base model: a name, a folder, a .gguf file or a Hub repository (default: the adapter's)",
  ),
  new Option(
    '--adapter <folder>',
    'adapter folder, or the name of one that comes with the package (default: node-api-scifact)',
  ),
  new Option('--mode <mode>', 'how weights are held and products computed').choices(MODES).default('int8'),
  offlineOption(),
];

export const offlineOption = () => new Option('--offline', 'never reach for the network (also: O1_OFFLINE=1)');

export const jsonOption = (what = 'print JSON') => new Option('--json', what);

/** @param byDefault when the command thinks where nobody says. */
export const thinkingOptions = (byDefault = "the adapter's choice") => [
  new Option(
    '--think <when>',
    `whether to think about the query; auto: where the adapter's rule says that it helps (default: ${byDefault})`,
  ).choices(['never', 'always', 'auto']),
  new Option('--thoughts <k>', 'thoughts to write; their vectors are averaged').argParser(wholeNumber(1)),
  new Option('--temperature <t>', '0 writes the likeliest thought').argParser(positiveNumber),
  new Option('--seed <n>', 'the same seed writes the same thoughts (with --mode fp32, anywhere)').argParser(
    wholeNumber(0),
  ),
  new Option(
    '--deadline <ms>',
    'stop thinking after this time and use the best vector so far (loading is not counted)',
  ).argParser(positiveNumber),
  new Option(
    '--instant-weight <w>',
    "share of the instant vector in the final one, 0 to 1 (default: the adapter's)",
  ).argParser(share),
  new Option('--thought <text>', 'embed this thought of yours instead of writing one'),
];
