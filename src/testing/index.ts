/**
 * Fakes for tests, also for those of programs that use this library: small stand-ins for what takes a model.
 */
export { HashingEncoder, type HashingEncoderSettings } from './hashing-encoder.js';
