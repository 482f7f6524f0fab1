import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { CorruptFileError, NotFoundError } from '../errors.js';
import { autoRuleSchema } from './auto-rule.js';

/** Version of the token sequence (sequence.ts): vectors of different versions must not be compared. */
export const SEQUENCE_VERSION = 1;

const tokenId = z.int().nonnegative();
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 lower-case hexadecimal digits');

/** `o1.json`: what turns a decoder and a LoRA adapter into a thinking embedder. */
export const settingsSchema = z.strictObject({
  sequenceVersion: z.literal(SEQUENCE_VERSION),
  /** The model that the adapter was trained on. */
  base: z.strictObject({ model: z.string().min(1), sha256 }),
  /** Ids of reserved tokens of the base model's own vocabulary, borrowed for the sequence's marks. */
  tokens: z.strictObject({ query: tokenId, document: tokenId, thought: tokenId, embedding: tokenId, end: tokenId }),
  pooling: z.literal('last'),
  /** At most this many tokens of each text, in training and at run time; the rest is cut off. */
  lengths: z.strictObject({
    query: z.int().positive(),
    thought: z.int().positive(),
    document: z.int().positive(),
  }),
  /** How a query is embedded where the caller does not say: what was best on a development split. */
  thinking: z
    .strictObject({
      think: z.enum(['never', 'always', 'auto']),
      thoughts: z.int().positive(),
      /** At most this many tokens a thought; no more than the length policy has. Default: the length policy. */
      maxTokens: z.int().positive().optional(),
      temperature: z.number().nonnegative(),
      topP: z.number().positive().max(1),
      /** Share of the instant vector in the final one. Absent: none. */
      instantWeight: z.number().min(0).max(1).optional(),
      /** Which queries `auto` thinks about, chosen on a development split. */
      auto: autoRuleSchema.optional(),
    })
    .refine(({ think, auto }) => think !== 'auto' || auto !== undefined, {
      path: ['auto'],
      message: 'expected a rule, because "think" is "auto"',
    }),
  /** Where the adapter comes from, in words. */
  origin: z.string().min(1),
  /** How it was trained, where this project's trainer made it. */
  training: z
    .strictObject({
      /** Fingerprint of recipe, data and base model. */
      recipe: z.string().min(1),
      /** Queries of the training split. */
      queries: z.int().positive(),
      steps: z.int().nonnegative(),
      /** Tokens read in all steps. */
      tokens: z.int().nonnegative(),
      /** Best nDCG@10 of the instant vectors on the development split; absent where the recipe has none. */
      instantNdcg10: z.number().min(0).max(1).optional(),
    })
    .optional(),
  /** Texts and their vectors by this adapter in fp32, first 32 dimensions: checked when it is loaded. */
  selfTest: z.array(
    z.strictObject({ kind: z.enum(['query', 'document']), text: z.string(), head: z.array(z.number()).length(32) }),
  ),
});

export type O1Settings = z.infer<typeof settingsSchema>;

export async function readSettings(path: string): Promise<O1Settings> {
  return parseJsonFile(path, settingsSchema);
}

/** A JSON file checked by a schema; errors name the file and the field. */
export async function parseJsonFile<T>(path: string, schema: z.ZodType<T>): Promise<T> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new NotFoundError('cannot be read', { where: path, hint: 'Is this an adapter folder?', cause });
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new CorruptFileError(`is not JSON: ${(cause as Error).message}`, { where: path, cause });
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new CorruptFileError(issue!.message, { where: `${path}: ${issue!.path.join('.') || '(top)'}` });
}
