/** Element types that the project's graphs use, with ONNX's own numbers (TensorProto.DataType). */
export const ELEMENT_TYPES = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  bool: 9,
  float64: 11,
} as const;

export type ElementType = keyof typeof ELEMENT_TYPES;

export interface TypedArrays {
  float32: Float32Array;
  uint8: Uint8Array;
  int8: Int8Array;
  int32: Int32Array;
  int64: BigInt64Array;
  bool: Uint8Array;
  float64: Float64Array;
}

/** A number, or a name for a size that is known only when the graph runs (`'batch'`, `'sequence'`). */
export type Dimension = number | string;
export type Shape = readonly Dimension[];

/** A tensor inside a graph: what is known of it before it is computed. */
export interface Value {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: Shape;
}

/** A tensor with its data, given to a session or returned by it. Row-major. */
export interface Tensor<T extends ElementType = ElementType> {
  readonly type: T;
  readonly shape: readonly number[];
  readonly data: TypedArrays[T];
}

export function tensor<T extends ElementType>(type: T, data: TypedArrays[T], shape: readonly number[]): Tensor<T> {
  return { type, data, shape };
}

export const showShape = (shape: Shape): string => `[${shape.join(', ')}]`;
