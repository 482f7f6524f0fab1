/**
 * Tensor graphs: build an ONNX graph, differentiate it, compile it, run it. The only door to ONNX Runtime. This room knows nothing of
 * language models.
 */
export * from './contrib.js';
export { backpropagate, differentiate } from './gradient.js';
export { type CustomGradient, Graph } from './graph.js';
export * from './operators.js';
export { runtimeVersion } from './runtime-version.js';
export { Session, type SessionOptions } from './session.js';
export {
  type Dimension,
  ELEMENT_TYPES,
  type ElementType,
  type Shape,
  type Tensor,
  type TypedArrays,
  tensor,
  type Value,
} from './value.js';
