import { CorruptFileError } from '../errors.js';
import type { DecoderConfig } from './config.js';

/** Relations between settings that hold for every Llama-family model; `where` gives file and field of a setting. */
export function checkConfig(
  config: DecoderConfig,
  where: { readonly keyValueHeads: string; readonly headSize: string },
): DecoderConfig {
  const { heads, keyValueHeads, headSize } = config;
  if (heads % keyValueHeads !== 0) {
    throw new CorruptFileError(`${heads} attention heads are no multiple of ${keyValueHeads} key-value heads`, {
      where: where.keyValueHeads,
    });
  }
  if (!Number.isInteger(headSize) || headSize % 2 !== 0) {
    throw new CorruptFileError(`head size ${headSize} is no even number: the rotary embedding turns pairs`, {
      where: where.headSize,
    });
  }
  return config;
}
