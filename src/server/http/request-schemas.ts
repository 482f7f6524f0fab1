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

/** Hits of which a picture is made: its work grows with the square of their number, and nobody else is answered meanwhile. */
const MAX_PROJECTED_HITS = 50;

/** Longer than any thought takes; what is meant to be longer is no deadline. */
const MAX_DEADLINE_MS = 3_600_000;

const question = z
  .string()
  .max(MAX_QUERY_CHARACTERS, `must have at most ${MAX_QUERY_CHARACTERS} characters`)
  .refine((value) => value.trim() !== '', 'must not be blank');
/** What is wrong with `input`, and where. A plain loop that stops at the first: there may be a million wrong elements. */
interface Problem {
  readonly path: readonly number[];
  readonly message: string;
}

function textProblem(text: unknown): string | undefined {
  if (typeof text !== 'string') return 'expected a string';
  if (text === '') return 'must not be empty';
  return text.length > MAX_TEXT_CHARACTERS ? `must have at most ${MAX_TEXT_CHARACTERS} characters` : undefined;
}

function listProblem(
  list: unknown,
  most: number,
  problemOf: (element: unknown) => string | Problem | undefined,
): Problem | undefined {
  if (!Array.isArray(list)) return { path: [], message: 'expected an array' };
  if (list.length === 0) return { path: [], message: 'must not be empty' };
  if (list.length > most) return { path: [], message: `must have at most ${most} entries` };
  for (const [i, element] of list.entries()) {
    const problem = problemOf(element);
    if (typeof problem === 'string') return { path: [i], message: problem };
    if (problem) return { path: [i, ...problem.path], message: problem.message };
  }
  return undefined;
}

const idProblem = (id: unknown) =>
  Number.isSafeInteger(id) && (id as number) >= 0 ? undefined : 'expected token ids, whole numbers from 0 up';
const idsProblem = (ids: unknown) => listProblem(ids, MAX_TEXT_CHARACTERS, idProblem);

/** The four forms of `input`, told apart by their first element, so that an error can say which element is wrong. */
function inputProblem(value: unknown): Problem | undefined {
  if (typeof value === 'string') {
    const message = textProblem(value);
    return message === undefined ? undefined : { path: [], message };
  }
  if (!Array.isArray(value)) {
    return {
      path: [],
      message: 'expected a string, an array of strings, an array of token ids, or an array of such arrays',
    };
  }
  if (typeof value[0] === 'number') return idsProblem(value);
  return listProblem(value, MAX_INPUTS, Array.isArray(value[0]) ? idsProblem : textProblem);
}

const input = z.unknown().transform((value, context): string[] | number[][] => {
  const problem = inputProblem(value);
  if (problem) {
    context.addIssue({ code: 'custom', message: problem.message, path: [...problem.path] });
    return z.NEVER;
  }
  const single = typeof value === 'string' || typeof (value as unknown[])[0] === 'number';
  return (single ? [value] : value) as string[] | number[][];
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
    /** Places of the vectors in a plane, for a picture. */
    projection: z.boolean().default(false),
  })
  .refine(({ think, thought }) => think !== 'never' || thought === undefined, noThoughtToIgnore)
  .refine(({ projection, top }) => !projection || top <= MAX_PROJECTED_HITS, {
    path: ['top'],
    message: `with projection there are at most ${MAX_PROJECTED_HITS} hits`,
  });

export type EmbeddingsRequest = z.infer<typeof embeddingsRequest>;
export type SearchRequest = z.infer<typeof searchRequest>;
export type ThoughtsRequest = z.infer<typeof thoughtsRequest>;
