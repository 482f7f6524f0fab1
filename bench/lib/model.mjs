/** The model under test, and its decoder. */
import { Decoder, openCheckpoint } from '../../dist/decoder/index.js';
import { resolveModel } from '../../dist/models/index.js';

export const MODEL = 'smollm2-135m-instruct';

/** Our side's threads; the peers run at their best of 1 or 2. */
export const OUR_THREADS = 2;

/** @typedef {import('../../dist/models/index.js').ModelFiles & { format: 'gguf' }} GgufFiles */

/**
 * The GGUF file, which the peers load too; it is fetched first if need be.
 * @returns {Promise<GgufFiles>}
 */
export async function modelFiles() {
  const files = await resolveModel(MODEL);
  if (files.format !== 'gguf') {
    throw new Error(`${MODEL}: expected a GGUF file, which the peers can load too, got ${files.format}`);
  }
  return files;
}

/**
 * The decoder alone, without an adapter, and its tokenizer.
 * @param {'fp32' | 'int8' | 'int4'} mode
 */
export async function loadDecoder(mode) {
  const checkpoint = await openCheckpoint(await modelFiles());
  try {
    return { decoder: await Decoder.load(checkpoint, { mode, threads: OUR_THREADS }), tokenizer: checkpoint.tokenizer };
  } finally {
    await checkpoint.close();
  }
}
