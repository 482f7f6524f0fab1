import { z } from 'zod';

/** Texts of one embeddings request; OpenAI's limit. */
export const MAX_INPUTS = 2048;

/**
 * Characters of one text. The model reads a few hundred tokens and leaves out the rest, but all of a text has to be cut into
 * tokens to know where the rest begins.
 */
export const MAX_TEXT_CHARACTERS = 50_000;

/** Characters of a query or of a thought, which are read to the end of a few dozen tokens. */
const MAX_QUERY_CHARACTERS = 10_000;

/** Hits of one search. */
const MAX_HITS = 1000;

/** Longer than any thought takes; what is meant to be longer is no deadline. */
const MAX_DEADLINE_MS = 3_600_000;

const text = z
  .string()
  .min(1, 'must not be empty')
  .max(MAX_TEXT_CHARACTERS, `must have at most ${MAX_TEXT_CHARACTERS} characters`);
const question = z
  .string()
  .max(MAX_QUERY_CHARACTERS, `must have at most ${MAX_QUERY_CHARACTERS} characters`)
  .refine((value) => value.trim() !== '', 'must not be blank');
const tokens = z
  .array(z.int('expected whole numbers, token ids').nonnegative('expected token ids, from 0 up'))
  .min(1, 'must not be empty')
  .max(MAX_TEXT_CHARACTERS, `must have at most ${MAX_TEXT_CHARACTERS} tokens`);
const several = <T extends z.ZodType>(of: T) =>
  z.array(of).min(1, 'must not be empty').max(MAX_INPUTS, `must have at most ${MAX_INPUTS} entries`);

/** The four forms of `input`, told apart by their first element, so that an error can say which element is wrong. */
const input = z.unknown().transform((value, context): string[] | number[][] => {
  const form = Array.isArray(value) ? value[0] : value;
  const [schema, wrapped] =
    typeof value === 'string'
      ? [several(text), [value]]
      : typeof form === 'number'
        ? [several(tokens), [value]]
        : Array.isArray(form)
          ? [several(tokens), value]
          : [several(text), value];
  if (typeof value !== 'string' && !Array.isArray(value)) {
    context.addIssue('expected a string, an array of strings, an array of token ids, or an array of such arrays');
    return z.NEVER;
  }
  const parsed = schema.safeParse(wrapped);
  if (parsed.success) return parsed.data as string[] | number[][];
  for (const issue of parsed.error.issues.slice(0, 1)) {
    // A single text or list of ids was wrapped: its own path does not have the 0.
    context.addIssue({
      code: 'custom',
      message: issue.message,
      path: wrapped === value ? issue.path : issue.path.slice(1),
    });
  }
  return z.NEVER;
});

const think = z.enum(['never', 'always', 'auto']);

/** `POST /v1/embeddings`: OpenAI's fields, and `input_type` and `think` of ours. */
export const embeddingsRequest = z
  .strictObject({
    /** Any name: there is one model. The answer has its own name. */
    model: z.string().min(1, 'must not be empty'),
    input,
    encoding_format: z.enum(['float', 'base64']).default('float'),
    dimensions: z
      .custom<undefined>(
        (value) => value === undefined,
        'vectors of this model cannot be shortened: leave "dimensions" out',
      )
      .optional(),
    /** Who asks, for OpenAI's own purposes; nothing is done with it. */
    user: z.string().optional(),
    /** Queries and documents are embedded differently. */
    input_type: z.enum(['query', 'document']).default('document'),
    /** For queries alone. */
    think: think.optional(),
  })
  .refine((body) => body.input_type === 'query' || body.think === undefined, {
    path: ['think'],
    message: 'documents are embedded as they are; think is for input_type "query"',
  })
  .refine((body) => body.input_type === 'document' || typeof body.input[0] === 'string', {
    path: ['input'],
    message: 'token ids are taken for documents; send queries as text',
  })
  .refine(
    (body) => body.input_type === 'document' || body.input.every(({ length }) => length <= MAX_QUERY_CHARACTERS),
    {
      path: ['input'],
      message: `queries must have at most ${MAX_QUERY_CHARACTERS} characters`,
    },
  );

const queryFields = {
  query: question,
  /** How many hits. */
  top: z.int().min(1).max(MAX_HITS).default(10),
  think: think.optional(),
  thoughts: z.int().min(1).optional(),
  temperature: z.number().min(0).optional(),
  seed: z.int().min(0).optional(),
  max_tokens: z.int().min(1).optional(),
  deadline_ms: z.number().min(0).max(MAX_DEADLINE_MS).optional(),
  /** A thought of the caller's own, instead of one that the model writes. */
  thought: question.optional(),
};

const noThoughtToIgnore = {
  path: ['thought'],
  message: 'a thought of your own and think "never" exclude each other',
};

/** `POST /v1/search` */
export const searchRequest = z
  .strictObject(queryFields)
  .refine(({ think, thought }) => think !== 'never' || thought === undefined, noThoughtToIgnore);

/** `POST /v1/thoughts` */
export const thoughtsRequest = z
  .strictObject({
    ...queryFields,
    /** Places of the vectors in a plane, for a picture. */ projection: z.boolean().default(false),
  })
  .refine(({ think, thought }) => think !== 'never' || thought === undefined, noThoughtToIgnore);

export type EmbeddingsRequest = z.infer<typeof embeddingsRequest>;
export type SearchRequest = z.infer<typeof searchRequest>;
export type ThoughtsRequest = z.infer<typeof thoughtsRequest>;
