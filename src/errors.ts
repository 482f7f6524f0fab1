/**
 * One error base for the whole project.
 *
 * An `O1Error` is something the caller can act on: bad input, a file that is not what it says, a source that does not
 * answer. It says what was expected, what came, where, and what to do. The command line prints it without a stack
 * trace and exits with 1; anything else that is thrown is a defect and keeps its stack trace.
 */
export interface O1ErrorDetails {
  /** Where it happened, e.g. `corpus.jsonl:17` or `model.gguf: tensor "blk.0.attn_q.weight"`. */
  readonly where?: string;
  /** What the caller can do about it. */
  readonly hint?: string;
  readonly cause?: unknown;
}

export class O1Error extends Error {
  readonly where: string | undefined;
  readonly hint: string | undefined;

  constructor(message: string, details: O1ErrorDetails = {}) {
    const where = details.where === undefined ? '' : `${details.where}: `;
    const hint = details.hint === undefined ? '' : ` ${details.hint}`;
    super(`${where}${message}${hint}`, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    this.where = details.where;
    this.hint = details.hint;
  }
}

/** An argument, option or setting that is not what the function takes. */
export class InvalidInputError extends O1Error {}

/** A file whose content is not what its format or its header promises. */
export class CorruptFileError extends O1Error {}

/** A model, adapter or index that does not belong to the others in use; the message carries both fingerprints. */
export class MismatchError extends O1Error {}

/** Something named cannot be found or fetched: a model, a file, a record. */
export class NotFoundError extends O1Error {}

/** Throws the signal's reason when it is aborted. Call it at every safe point of long work. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw signal.reason;
}
