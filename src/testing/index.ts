/**
 * Fakes for tests, also for those of programs that use this library: small stand-ins for what takes a model.
 */
export { HashingEncoder, type HashingEncoderSettings } from './hashing-encoder.js';
export { ByteTokenizer, randomWeights, TINY_CONFIG } from './tiny-decoder.js';
export { TINY_SETTINGS, tinyEmbedder } from './tiny-embedder.js';
