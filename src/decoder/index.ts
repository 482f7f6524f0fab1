/**
 * Llama-family decoders: settings, weights, tokenizer, prefill, KV cache, sampling. This room knows nothing of
 * retrieval.
 */
export { type Checkpoint, openCheckpoint } from './checkpoint.js';
export type { DecoderConfig, RopeScaling } from './config.js';
export { Decoder, type DecoderOptions, DecoderOutput, type ForwardOptions, type Place } from './decoder.js';
export { openSafetensors, type Safetensors } from './formats/safetensors.js';
export { type TensorSource, type WriteSafetensorsOptions, writeSafetensors } from './formats/safetensors-writer.js';
export { type Generation, type GenerationSettings, generate } from './generate.js';
export { KeyValueCache } from './key-value-cache.js';
export { NUMERIC_MODES, NUMERICS_VERSION, type NumericMode } from './linear.js';
export { type LowRankUpdate, Merger } from './merge.js';
export { hashIntegers, uniform } from './random.js';
export { checkSampling, type SamplingSettings, sampleToken } from './sampling.js';
export { SequenceBatch } from './sequence-batch.js';
export { type TokenDistribution, tokenDistribution } from './token-distribution.js';
export type { Tokenizer } from './tokenizer.js';
export { ggufTokenizerFiles } from './tokenizer-files.js';
export { type TrainedLinear, type TrainingGraph, type TrainingGraphOptions, trainingGraph } from './training-graph.js';
export { EMBEDDING, LAYER_LINEARS, LM_HEAD, linearName, linearShape, type WeightSource } from './weights.js';
