/** The model under test, its decoder, and what the peers need to know to build the same sequences. */
import { Decoder, openCheckpoint } from '../../dist/decoder/index.js';
import { resolveModel } from '../../dist/models/index.js';

export const MODEL = 'smollm2-135m-instruct';

/** Our side's threads; the peers run at their best of 1 or 2. */
export const OUR_THREADS = 2;

/** Ids of the special tokens and length limits (in tokens of text) of this model's sequences. */
export const SEQUENCE = {
  tokens: { query: 3, doc: 5, thought: 11, emb: 16, end: 2 },
  queryLimit: 64,
  documentLimit: 192,
};

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

/**
 * Tokens of the documents' sequences, the two special ones included.
 * @param {readonly string[]} texts
 */
export async function countTokens(texts) {
  const checkpoint = await openCheckpoint(await modelFiles());
  try {
    const lengths = texts.map((text) => checkpoint.tokenizer.encode(text).length);
    return lengths.reduce((sum, length) => sum + Math.min(length, SEQUENCE.documentLimit) + 2, 0);
  } finally {
    await checkpoint.close();
  }
}
