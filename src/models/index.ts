/**
 * Named models: find, fetch, verify, cache. This room does not know what a model is used for, nor what is inside its
 * files beyond the list of shards.
 *
 * @example
 * const model = await resolveModel('smollm2-135m-instruct', { onProgress: (p) => console.error(p.phase, p.receivedBytes) });
 * if (model.format === 'gguf') console.log(model.path, model.sha256);
 */
export { cacheFolder } from './cache.js';
export type { EncoderFiles } from './encoder-files.js';
export { type NamedEncoder, namedEncoders } from './encoder-registry.js';
export type { ModelFiles } from './model-files.js';
export type { FetchProgress } from './progress.js';
export { type ModelSource, modelNames, type NamedFile, type NamedModel, namedModels } from './registry.js';
export { type ResolveModelOptions, resolveModel } from './resolve.js';
export { encoderNames, resolveEncoder } from './resolve-encoder.js';
