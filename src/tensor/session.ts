import { createRequire } from 'node:module';
import type * as ort from 'onnxruntime-node';
import { InvalidInputError, throwIfAborted } from '../errors.js';
import type { Graph } from './graph.js';
import { type ElementType, type Tensor, type TypedArrays, tensor, type Value } from './value.js';

// Loaded when the first session is made: the native library takes longer to load than the rest of a command line.
const runtime = (): typeof ort => createRequire(import.meta.url)('onnxruntime-node');

export interface SessionOptions {
  /** Threads inside one operator. Default: the number of physical cores, as the runtime counts them. */
  readonly threads?: number;
  /** Writes the runtime's operator profile to files that begin with this path when the session is released. */
  readonly profile?: string;
  /**
   * Lets the runtime lay out a run's memory by what the last run of the same shapes took. Worth it where shapes come back;
   * else it keeps a plan, and memory, for each. Default true.
   */
  readonly planMemory?: boolean;
  /**
   * Lets idle threads spin for some milliseconds after a run, in wait for the next: right for a session whose short runs
   * follow each other closely, wrong beside another session, whose cores they take. Default true.
   */
  readonly spinBetweenRuns?: boolean;
}

/** A graph ready to run. Holds native memory: call `release` when done. */
export class Session {
  readonly #session: ort.InferenceSession;
  readonly #outputs: ReadonlyMap<string, Value>;

  private constructor(session: ort.InferenceSession, outputs: ReadonlyMap<string, Value>) {
    this.#session = session;
    this.#outputs = outputs;
  }

  /** Compiles the graph. The constants' arrays are copied: the graph can be dropped afterwards. */
  static async create(graph: Graph, options: SessionOptions = {}): Promise<Session> {
    const { model, externalData, outputs } = graph.serialise();
    const session = await runtime().InferenceSession.create(model, {
      executionProviders: ['cpu'],
      graphOptimizationLevel: 'all',
      // Errors only: warnings about unused constants and shape guesses are the runtime's own affair.
      logSeverityLevel: 3,
      externalData: externalData as { path: string; data: Uint8Array }[],
      ...(options.threads === undefined ? {} : { intraOpNumThreads: options.threads }),
      ...(options.planMemory === undefined ? {} : { enableMemPattern: options.planMemory }),
      ...(options.spinBetweenRuns === false ? { extra: { session: { force_spinning_stop: '1' } } } : {}),
      ...(options.profile === undefined ? {} : { enableProfiling: true, profileFilePrefix: options.profile }),
    });
    return new Session(session, outputs);
  }

  /**
   * Runs the graph and returns all outputs, or only those named in `wanted`.
   *
   * A run itself cannot be interrupted: the signal is looked at before it starts.
   */
  async run(
    feeds: Readonly<Record<string, Tensor>>,
    options: { readonly wanted?: readonly string[]; readonly signal?: AbortSignal | undefined } = {},
  ): Promise<Record<string, Tensor>> {
    throwIfAborted(options.signal);
    const { Tensor: OrtTensor } = runtime();
    const inputs: Record<string, ort.Tensor> = {};
    for (const [name, { type, data, shape }] of Object.entries(feeds)) {
      inputs[name] = new OrtTensor(type as 'float32', data as Float32Array, shape);
    }
    const wanted = options.wanted ?? [...this.#outputs.keys()];
    const names = wanted.map((name) => {
      const value = this.#outputs.get(name);
      if (!value) throw new InvalidInputError(`the graph has no output "${name}"; it has ${[...this.#outputs.keys()]}`);
      return value.name;
    });
    const results = await this.#session.run(inputs, names);
    return Object.fromEntries(
      wanted.map((name, i) => {
        const result = results[names[i]!]!;
        const type = result.type as ElementType;
        return [name, tensor(type, result.data as TypedArrays[ElementType], result.dims)];
      }),
    );
  }

  async release(): Promise<void> {
    await this.#session.release();
  }
}
