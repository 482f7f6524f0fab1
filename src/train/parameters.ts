import { InvalidInputError } from '../errors.js';

/** A named tensor inside a parameter set. */
export interface ParameterShape {
  readonly name: string;
  readonly shape: readonly number[];
}

/**
 * All trained numbers in one array, and views of it by name: the optimiser, clipping and checkpoints see one array, the
 * graphs see tensors. Gradients and moments have the same layout.
 */
export class ParameterSet {
  readonly shapes: readonly ParameterShape[];
  readonly data: Float32Array;
  readonly #views = new Map<string, Float32Array>();

  constructor(shapes: readonly ParameterShape[]) {
    const size = ({ shape }: ParameterShape) => shape.reduce((product, n) => product * n, 1);
    this.shapes = shapes;
    this.data = new Float32Array(shapes.reduce((sum, shape) => sum + size(shape), 0));
    let offset = 0;
    for (const shape of shapes) {
      if (this.#views.has(shape.name)) throw new InvalidInputError(`parameter "${shape.name}" is given twice`);
      this.#views.set(shape.name, this.data.subarray(offset, offset + size(shape)));
      offset += size(shape);
    }
  }

  /** The tensor of this name, as a view. */
  view(name: string): Float32Array {
    const view = this.#views.get(name);
    if (!view) throw new InvalidInputError(`there is no parameter "${name}"`);
    return view;
  }

  /** A set of the same layout, all zeros. */
  zeros(): ParameterSet {
    return new ParameterSet(this.shapes);
  }
}
