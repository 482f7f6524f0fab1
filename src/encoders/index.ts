/**
 * Other people's encoders: texts become unit vectors, by a transformers.js model on this machine or by an OpenAI-compatible
 * endpoint. The room does not know what the vectors are for; the model's files are found by `models`.
 *
 * @example
 * const encoder = await loadEncoder('all-minilm-l6-v2');
 * const [vector] = await encoder.embed(['How do I read a file line by line?']);
 */
export { EndpointError, type EndpointSettings, endpointEncoder } from './endpoint-encoder.js';
export { type LoadEncoderOptions, loadEncoder } from './load-encoder.js';
export type { EmbedOptions, TextEncoder } from './text-encoder.js';
