import { apiKeyFromEnvironment } from '../../api-key.js';
import type { NumericMode } from '../../decoder/index.js';
import { openCheckpoint } from '../../decoder/index.js';
import { InvalidInputError } from '../../errors.js';
import {
  type ChatModel,
  loadLocalModel,
  ManagedModel,
  openaiCompatible,
  recordedModel,
  recordingModel,
  type TokenPrices,
  type UsageTotals,
} from '../../llm/index.js';
import { resolveModel } from '../../models/index.js';
import type { TokenCounter } from '../../search/index.js';
import type { CliContext } from '../context.js';
import { formatCount, plural } from '../format.js';
import { fetchReporter } from '../load-embedder.js';

/** Options of every command that asks an expert. */
export interface ExpertOptions {
  readonly expert: string;
  readonly apiKeyEnv?: string;
  readonly record?: string;
  readonly mode: NumericMode;
  readonly concurrency: number;
  readonly requestsPerMinute?: number;
  readonly timeout: number;
  readonly attempts: number;
  readonly promptPrice?: number;
  readonly completionPrice?: number;
  readonly budget?: number;
  readonly budgetTokens?: number;
  readonly tokenizer: string;
  readonly seed: number;
  readonly offline?: boolean;
  readonly json?: boolean;
}

/** An expert that is ready to be asked. */
export interface Expert {
  readonly model: ManagedModel;
  readonly concurrency: number;
  readonly prices: TokenPrices | undefined;
}

/** Opens the expert, hands it to `work` and closes it afterwards. */
export async function withExpert<T>(
  context: CliContext,
  options: ExpertOptions,
  work: (expert: Expert) => Promise<T>,
): Promise<T> {
  const { record, budget, budgetTokens, requestsPerMinute } = options;
  const prices = pricesOf(options);
  const { model, isLocal, close } = await openExpert(context, options);
  try {
    // Our decoder answers one request at a time, unless in fp32; and what it has failed to answer, it fails to answer again.
    const concurrency = isLocal && options.mode !== 'fp32' ? 1 : options.concurrency;
    const managed = new ManagedModel(record === undefined ? model : recordingModel(model, record), {
      concurrency,
      requestsPerMinute,
      attempts: isLocal ? 1 : options.attempts,
      budget: { money: budget, tokens: budgetTokens },
      prices,
    });
    context.stderr.write(`The expert is ${model.name}.\n`);
    return await work({ model: managed, concurrency, prices });
  } finally {
    await close();
  }
}

async function openExpert(
  context: CliContext,
  options: ExpertOptions,
): Promise<{ readonly model: ChatModel; readonly isLocal: boolean; readonly close: () => Promise<void> }> {
  const { expert, apiKeyEnv, timeout } = options;
  const close = async () => {};
  const [, scheme, rest] = /^(local|recorded):(.+)$/s.exec(expert) ?? [];
  if (scheme === 'recorded') return { model: await recordedModel(rest!), isLocal: true, close };
  if (scheme === 'local') {
    const { mode, offline } = options;
    const fetching = fetchReporter(context.stderr);
    context.stderr.write('Loading the expert …\n');
    const model = await loadLocalModel(rest!, {
      mode,
      offline,
      signal: context.signal,
      onFetch: fetching.onProgress,
    }).finally(() => fetching.stop());
    return { model, isLocal: true, close: () => model.close() };
  }
  const [, baseURL, name] = /^(https?:\/\/[^#]+)#(.+)$/.exec(expert) ?? [];
  if (baseURL === undefined || name === undefined) {
    // It is not repeated: it may have a password in it.
    throw new InvalidInputError('--expert: expected local:<model>, recorded:<file> or http(s)://host/v1#model.');
  }
  const apiKey = apiKeyEnv === undefined ? undefined : apiKeyFromEnvironment(apiKeyEnv, context.environment);
  const model = openaiCompatible({ baseURL, model: name, apiKey, timeoutMs: timeout * 1000 });
  return { model, isLocal: false, close };
}

function pricesOf({ promptPrice, completionPrice, budget }: ExpertOptions): TokenPrices | undefined {
  if (promptPrice === undefined && completionPrice === undefined && budget === undefined) return undefined;
  if (promptPrice === undefined || completionPrice === undefined) {
    throw new InvalidInputError('--prompt-price and --completion-price belong together, and --budget needs both.');
  }
  return { prompt: promptPrice, completion: completionPrice };
}

/** Counts with the tokenizer of a model; its weights are not loaded. */
export async function loadTokenCounter(
  context: CliContext,
  { tokenizer, offline }: Pick<ExpertOptions, 'tokenizer' | 'offline'>,
): Promise<TokenCounter> {
  const fetching = fetchReporter(context.stderr);
  const files = await resolveModel(tokenizer, {
    ...(offline === undefined ? {} : { offline }),
    signal: context.signal,
    onProgress: fetching.onProgress,
  }).finally(() => fetching.stop());
  const checkpoint = await openCheckpoint(files);
  await checkpoint.close();
  return (text) => checkpoint.tokenizer.encode(text).length;
}

/** What this run asked, in words. */
export function describeTotals(totals: UsageTotals): string {
  const { requests, answers, promptTokens, completionTokens, estimatedAnswers, cost, faults } = totals;
  if (requests === 0) return 'Nothing had to be asked.';
  const tokens = `${formatCount(promptTokens)} prompt and ${formatCount(completionTokens)} completion tokens`;
  const estimated = estimatedAnswers === 0 ? '' : ` (${plural(estimatedAnswers, 'answer')} estimated)`;
  const money = cost === undefined ? '' : `, cost ${cost.toFixed(4)}`;
  const troubles = Object.entries(faults).map(([fault, count]) => `${fault} ${formatCount(count)}`);
  const trouble = troubles.length === 0 ? '' : ` Not usable: ${troubles.join(', ')}.`;
  return `${plural(requests, 'request')}, ${plural(answers, 'answer')}, ${tokens}${estimated}${money}.${trouble}`;
}
