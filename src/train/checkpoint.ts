import { z } from 'zod';
import { openSafetensors, writeSafetensors } from '../decoder/index.js';
import { CorruptFileError } from '../errors.js';
import type { AdamWState } from './adamw.js';
import type { ParameterSet } from './parameters.js';

const count = z.int().nonnegative();

/** nDCG@10 of the instant vectors after so many steps. */
const validation = z.strictObject({ ndcg10: z.number(), totalSteps: count });

/** How far a run has come. Random numbers are keyed by these counters, so that no other state of theirs exists. */
const progressSchema = z.strictObject({
  /** The stage that comes next or is under way. */
  stage: count,
  /** Steps taken in it. */
  step: count,
  /** Steps taken in all stages. */
  totalSteps: count,
  /** Tokens read in all steps. */
  tokens: count,
  /** The last validation. */
  validated: validation.optional(),
  /** The stage's best validation so far. */
  best: validation.optional(),
});

const headerSchema = z.strictObject({
  progress: progressSchema,
  /** What must be the same for the rest of the run to be the same: recipe, data, base model. */
  inputs: z.record(z.string(), z.string()),
  /** What the last bit depends on. */
  machine: z.strictObject({ threads: count, node: z.string(), runtime: z.string() }),
});

export type TrainingProgress = z.infer<typeof progressSchema>;
export type CheckpointHeader = z.infer<typeof headerSchema>;

export interface TrainingState {
  readonly parameters: ParameterSet;
  readonly optimiser: AdamWState;
}

const PARAMETERS = 'parameters';
const FIRST_MOMENT = 'firstMoment';
const SECOND_MOMENT = 'secondMoment';

/** Writes weights, moments and counters as one file, which replaces the last one only when it is complete. */
export async function writeCheckpoint(path: string, header: CheckpointHeader, state: TrainingState): Promise<void> {
  const { parameters, optimiser } = state;
  const tensor = (name: string, data: Float32Array) => ({ name, shape: [data.length], data: () => data });
  await writeSafetensors(
    path,
    [
      tensor(PARAMETERS, parameters.data),
      tensor(FIRST_MOMENT, optimiser.firstMoment),
      tensor(SECOND_MOMENT, optimiser.secondMoment),
    ],
    { metadata: { checkpoint: JSON.stringify({ ...header, optimiserSteps: optimiser.step }) } },
  );
}

const storedSchema = headerSchema.extend({ optimiserSteps: count });

/** The header of a checkpoint. Throws CorruptFileError for a file that is not one. */
export async function readCheckpointHeader(path: string): Promise<CheckpointHeader> {
  const file = await openSafetensors(path);
  try {
    const { optimiserSteps: _, ...header } = parseHeader(path, file.metadata.checkpoint);
    return header;
  } finally {
    await file.close();
  }
}

/** Puts a checkpoint's weights and moments into `state`. Throws CorruptFileError where they do not fit. */
export async function restoreCheckpoint(path: string, state: TrainingState): Promise<void> {
  const file = await openSafetensors(path);
  try {
    const { parameters, optimiser } = state;
    for (const [name, target] of [
      [PARAMETERS, parameters.data],
      [FIRST_MOMENT, optimiser.firstMoment],
      [SECOND_MOMENT, optimiser.secondMoment],
    ] as const) {
      const data = await file.read(name);
      if (data.length !== target.length) {
        throw new CorruptFileError(`has ${data.length} numbers, the model under training ${target.length}`, {
          where: `${path}: ${name}`,
        });
      }
      target.set(data);
    }
    optimiser.step = parseHeader(path, file.metadata.checkpoint).optimiserSteps;
  } finally {
    await file.close();
  }
}

function parseHeader(path: string, text: string | undefined) {
  const where = `${path}: checkpoint`;
  if (text === undefined) throw new CorruptFileError('is missing from the metadata', { where });
  const parsed = storedSchema.safeParse(JSON.parse(text));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new CorruptFileError(issue!.message, { where: `${where}.${issue!.path.join('.')}` });
}
