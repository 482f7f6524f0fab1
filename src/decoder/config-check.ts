import { CorruptFileError } from '../errors.js';
import type { DecoderConfig } from './config.js';

/** Relations between settings that hold for every Llama-family model. `where` names the file. */
export function checkConfig(config: DecoderConfig, where: string): DecoderConfig {
  const { heads, keyValueHeads, headSize } = config;
  if (heads % keyValueHeads !== 0) {
    throw new CorruptFileError(`${heads} attention heads are no multiple of ${keyValueHeads} key-value heads`, {
      where,
    });
  }
  if (!Number.isInteger(headSize) || headSize % 2 !== 0) {
    throw new CorruptFileError(`head size ${headSize} is no even number: the rotary embedding turns pairs`, { where });
  }
  return config;
}
