import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CorruptFileError } from '../errors.js';
import { writeAtomically } from '../write-atomically.js';

const VERSION = 1;
/** In the order in which they run. */
export const STAGES = ['queries', 'thoughts', 'refine', 'negatives'] as const;
export type Stage = (typeof STAGES)[number];

/** Something that was asked for and is not in the result. */
export interface Rejected {
  /** The query or document. */
  readonly id: string;
  readonly reason: string;
  /** Which candidate, or which kind of query. */
  readonly what?: string | number;
  /** The text that was rejected, where there was one. */
  readonly text?: string;
}

/**
 * `manifest.json`: what made each file of the folder: settings, models, prompts, seeds, counts, rejections, cost. It has no
 * times and no numbers of attempts: two runs with the same outcome write the same bytes.
 */
export interface SynthManifest {
  readonly version: number;
  readonly stages: Readonly<Partial<Record<Stage, Readonly<Record<string, unknown>>>>>;
}

/** The manifest of an output folder; one without stages where there is none yet. */
export async function readSynthManifest(folder: string): Promise<SynthManifest> {
  const path = join(folder, 'manifest.json');
  if (!existsSync(path)) return { version: VERSION, stages: {} };
  try {
    const manifest = JSON.parse(await readFile(path, 'utf8'));
    if (manifest.version === VERSION && typeof manifest.stages === 'object') return manifest;
  } catch {
    // Reported below, like a file of another shape.
  }
  throw new CorruptFileError(`expected a manifest of synthesis, version ${VERSION}.`, {
    where: path,
    hint: 'Choose another output folder, or delete this file.',
  });
}

/** The stages that work on what a stage has written. */
const MADE_FROM: Readonly<Record<Stage, readonly Stage[]>> = {
  queries: ['thoughts', 'refine', 'negatives'],
  thoughts: ['refine'],
  refine: [],
  negatives: [],
};

/** Writes a stage's record into the manifest. Records of stages that were made from what the stage has written anew go. */
export async function writeStage(
  folder: string,
  stage: Stage,
  record: Readonly<Record<string, unknown>>,
): Promise<void> {
  const { stages } = await readSynthManifest(folder);
  const valid = { ...stages, [stage]: record };
  for (const stale of MADE_FROM[stage]) delete valid[stale];
  const inOrder = STAGES.flatMap((name) => (valid[name] ? [[name, valid[name]] as const] : []));
  const manifest: SynthManifest = { version: VERSION, stages: Object.fromEntries(inOrder) };
  await writeAtomically(join(folder, 'manifest.json'), `${JSON.stringify(manifest, undefined, 2)}\n`);
}
