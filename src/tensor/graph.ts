import { InvalidInputError } from '../errors.js';
import { ATTRIBUTE_TYPES, EXTERNAL_DATA, encodeModel } from './onnx-schema.js';
import { ELEMENT_TYPES, type ElementType, type Shape, showShape, type TypedArrays, type Value } from './value.js';

/** Opset of the standard operators. */
const OPSET = 18;
const IR_VERSION = 9;
/** ONNX Runtime's own operators: fused attention, block-quantised products. */
export const MICROSOFT = 'com.microsoft';
/** Constants of at least this many bytes stay outside the protobuf, which may not exceed 2 GiB. */
const EXTERNAL_BYTES = 1024;

export type Attribute = number | string | readonly number[] | { readonly float: number };
export type Attributes = Readonly<Record<string, Attribute>>;

/** One operator of a graph. An optional input that is not given is `undefined`. */
export interface GraphNode {
  readonly operator: string;
  readonly domain: string;
  readonly inputs: readonly (Value | undefined)[];
  readonly outputs: readonly Value[];
  readonly attributes: Attributes;
  /** Stands in for the gradient rule of the operator: see `setGradient`. */
  gradient?: CustomGradient;
}

/** A gradient given by hand, for the part of the graph that leads from `inputs` to the outputs of one node. */
export interface CustomGradient {
  readonly inputs: readonly Value[];
  /**
   * Takes the gradient of each output of the node (`undefined`: the loss does not depend on it) and returns, for each of
   * `inputs`, how to record its gradient; only the wanted ones are called.
   */
  readonly rule: (outputGradients: readonly (Value | undefined)[]) => readonly (() => Value)[];
}

export interface SerialisedGraph {
  readonly model: Uint8Array;
  /** Constants that stand outside the protobuf, by the name under which it refers to them. */
  readonly externalData: readonly { readonly path: string; readonly data: Uint8Array }[];
  /** Names of the graph's outputs and of the values behind them. */
  readonly outputs: ReadonlyMap<string, Value>;
}

interface Constant {
  readonly value: Value;
  readonly bytes: Uint8Array;
}

/**
 * An ONNX graph under construction: inputs, constants, operators, outputs.
 *
 * Values are made by the functions of `operators.ts` and `contrib.ts`, which know each operator's output shape; the
 * graph itself only records. A recorded graph can be differentiated and serialised.
 */
export class Graph {
  readonly nodes: GraphNode[] = [];
  readonly #inputs: Value[] = [];
  readonly #constants = new Map<string, Constant>();
  readonly #scalars = new Map<string, Value>();
  readonly #outputs = new Map<string, Value>();
  #count = 0;

  input(name: string, type: ElementType, shape: Shape): Value {
    if (this.#inputs.some((input) => input.name === name)) {
      throw new InvalidInputError(`graph input "${name}" is declared twice`);
    }
    const value = { name, type, shape };
    this.#inputs.push(value);
    return value;
  }

  constant<T extends ElementType>(type: T, data: TypedArrays[T], shape: readonly number[], name?: string): Value {
    const size = shape.reduce((product, n) => product * n, 1);
    if (size !== data.length) {
      throw new InvalidInputError(
        `constant ${name ?? ''} of shape ${showShape(shape)} takes ${size} elements, got ${data.length}`,
      );
    }
    const value = { name: name ?? this.#fresh('constant'), type, shape };
    if (this.#constants.has(value.name)) throw new InvalidInputError(`constant "${value.name}" is declared twice`);
    this.#constants.set(value.name, { value, bytes: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) });
    return value;
  }

  /** A scalar constant; equal ones are shared. */
  scalar(value: number, type: 'float32' | 'float64' = 'float32'): Value {
    const array = type === 'float32' ? Float32Array.of(value) : Float64Array.of(value);
    return this.#shared(`${type}:${value}`, () => this.constant(type, array as TypedArrays[typeof type], []));
  }

  /** A one-dimensional int64 constant (axes, shapes, split sizes); equal ones are shared. */
  integers(values: readonly number[]): Value {
    return this.#shared(`integers:${values.join()}`, () =>
      this.constant('int64', BigInt64Array.from(values, BigInt), [values.length]),
    );
  }

  /** Records an operator and returns its outputs, typed and shaped as stated by the caller. */
  apply(
    operator: string,
    inputs: readonly (Value | undefined)[],
    outputs: readonly { readonly type: ElementType; readonly shape: Shape }[],
    attributes: Attributes = {},
    domain = '',
  ): Value[] {
    const values = outputs.map(({ type, shape }) => ({ name: this.#fresh(operator), type, shape }));
    this.nodes.push({ operator, domain, inputs, outputs: values, attributes });
    return values;
  }

  /**
   * Gives the gradient of all `outputs` of one node by hand (as JAX's `custom_vjp`): differentiation jumps from them to
   * `inputs` and does not look at what stands between.
   */
  setGradient(outputs: readonly Value[], gradient: CustomGradient): void {
    const node = this.nodes.findLast((candidate) => candidate.outputs[0]?.name === outputs[0]?.name);
    if (node?.outputs.length !== outputs.length) {
      throw new InvalidInputError(`setGradient takes all outputs of one node, got ${outputs.map(({ name }) => name)}`);
    }
    node.gradient = gradient;
  }

  get inputs(): readonly Value[] {
    return this.#inputs;
  }

  /**
   * The part of this graph that computes `outputs`, as a graph of its own. Where it meets one of `given`, it takes it as
   * an input under the value's own name; whatever else it needs it computes anew.
   */
  extract(outputs: Readonly<Record<string, Value>>, given: readonly Value[] = []): Graph {
    const part = new Graph();
    const needed = new Set(Object.values(outputs).map(({ name }) => name));
    const cut = new Set(given.map(({ name }) => name));
    const kept: GraphNode[] = [];
    for (const node of this.nodes.toReversed()) {
      if (!node.outputs.some(({ name }) => needed.has(name) && !cut.has(name))) continue;
      kept.push(node);
      for (const input of node.inputs) if (input) needed.add(input.name);
    }
    part.nodes.push(...kept.reverse());
    const inputs = [...this.#inputs, ...given].filter(({ name }) => needed.has(name));
    for (const { name, type, shape } of inputs) part.input(name, type, shape);
    for (const [name, constant] of this.#constants) if (needed.has(name)) part.#constants.set(name, constant);
    for (const [name, value] of Object.entries(outputs)) part.output(name, value);
    part.#count = this.#count;
    return part;
  }

  output(name: string, value: Value): void {
    if (this.#outputs.has(name)) throw new InvalidInputError(`graph output "${name}" is declared twice`);
    this.#outputs.set(name, value);
  }

  /** The numbers of an int64 constant. */
  integerValues(value: Value): number[] {
    const constant = this.#constants.get(value.name);
    if (constant?.value.type !== 'int64') throw new InvalidInputError(`"${value.name}" is not an int64 constant`);
    const { buffer, byteOffset, byteLength } = constant.bytes;
    return Array.from(new BigInt64Array(buffer, byteOffset, byteLength / 8), Number);
  }

  isConstant(value: Value): boolean {
    return this.#constants.has(value.name);
  }

  serialise(): SerialisedGraph {
    const externalData: { path: string; data: Uint8Array }[] = [];
    const initializer = [...this.#constants.values()].map(({ value, bytes }) => {
      const fields = { name: value.name, dims: value.shape, dataType: ELEMENT_TYPES[value.type] };
      if (bytes.length < EXTERNAL_BYTES) return { ...fields, rawData: bytes };
      externalData.push({ path: value.name, data: bytes });
      const entries = { location: value.name, offset: '0', length: String(bytes.length) };
      return {
        ...fields,
        dataLocation: EXTERNAL_DATA,
        externalData: Object.entries(entries).map(([key, text]) => ({ key, value: text })),
      };
    });
    const distinct = new Map([...this.#outputs.values()].map((value) => [value.name, value]));
    const model = encodeModel({
      irVersion: IR_VERSION,
      producerName: 'o1-embedder',
      opsetImport: [
        { domain: '', version: OPSET },
        { domain: MICROSOFT, version: 1 },
      ],
      graph: {
        name: 'graph',
        node: this.nodes.map(encodeNode),
        initializer,
        input: this.#inputs.map(encodeValue),
        output: [...distinct.values()].map(encodeValue),
      },
    });
    return { model, externalData, outputs: this.#outputs };
  }

  #fresh(prefix: string): string {
    return `${prefix}_${this.#count++}`;
  }

  #shared(key: string, make: () => Value): Value {
    const known = this.#scalars.get(key);
    if (known) return known;
    const made = make();
    this.#scalars.set(key, made);
    return made;
  }
}

function encodeNode(node: GraphNode): Record<string, unknown> {
  return {
    name: node.outputs[0]!.name,
    opType: node.operator,
    domain: node.domain,
    input: node.inputs.map((value) => value?.name ?? ''),
    output: node.outputs.map((value) => value.name),
    attribute: Object.entries(node.attributes).map(([name, value]) => ({ name, ...encodeAttribute(value) })),
  };
}

/** A whole number is written as an integer; write `{ float: 1 }` where the operator wants a float. */
function encodeAttribute(value: Attribute): Record<string, unknown> {
  if (typeof value === 'string') return { s: new TextEncoder().encode(value), type: ATTRIBUTE_TYPES.string };
  if (typeof value === 'number') return { i: value, type: ATTRIBUTE_TYPES.int };
  if ('float' in value) return { f: value.float, type: ATTRIBUTE_TYPES.float };
  return { ints: value, type: ATTRIBUTE_TYPES.ints };
}

function encodeValue({ name, type, shape }: Value): Record<string, unknown> {
  const dim = shape.map((size) => (typeof size === 'number' ? { dimValue: size } : { dimParam: size }));
  return { name, type: { tensorType: { elemType: ELEMENT_TYPES[type], shape: { dim } } } };
}
