import type { EmbedOptions, TextEncoder } from '../../encoders/index.js';
import { endpointUrl } from '../../endpoint-url.js';
import { InvalidInputError } from '../../errors.js';

/** A dense retriever in use. Where queries are made into vectors in another way than documents, it has `embedQueries`. */
export interface DenseRetriever extends TextEncoder {
  embedQueries?(texts: readonly string[], options?: EmbedOptions): Promise<Float32Array[]>;
}

/** A member of the committee. Its `name` is the key of its scores in the records. */
export type CommitteeMember =
  | {
      /** BM25. */
      readonly kind: 'sparse';
      readonly name: string;
    }
  | {
      readonly kind: 'dense';
      readonly name: string;
      /** Called when its turn has come; what it gives is closed after use. */
      readonly load: (options: { readonly signal?: AbortSignal | undefined }) => Promise<DenseRetriever>;
    };

/** How far a member has come. */
export interface CommitteeProgress {
  readonly member: string;
  readonly what: 'queries' | 'documents';
  readonly done: number;
  readonly total: number;
}

/** What the committee needs of an O1 Embedder. */
export interface SelfEmbedder {
  readonly fingerprint: string;
  readonly dimensions: number;
  embedDocuments(texts: readonly string[], options?: { signal?: AbortSignal }): Promise<Float32Array[]>;
  embedQuery(
    text: string,
    options: { think: 'never'; signal?: AbortSignal },
  ): Promise<{ readonly vector: Float32Array }>;
  close(): Promise<void>;
}

export interface MemberOptions {
  /** Loads the O1 Embedder that `self` stands for. Default: `self` is an error. */
  readonly loadSelf?: (() => Promise<SelfEmbedder>) | undefined;
  /** Key for `embeddings:<url>`. Default: none is sent. */
  readonly apiKey?: string | undefined;
  /** Never ask the network for an encoder's files. Default: as the environment says. */
  readonly offline?: boolean | undefined;
  /** Told how an encoder's files are fetched. */
  readonly onFetch?: NonNullable<Parameters<typeof import('../../encoders/index.js').loadEncoder>[1]>['onFetch'];
}

const FORMS =
  'A member is one of: bm25; encoder:<name, folder or Hub repository>; embeddings:<url>#<model>, e.g. ' +
  'embeddings:http://127.0.0.1:8080/v1#my-model; self.';

/** The committee of BM25 and two small encoders that need no account and run on a laptop. */
export const DEFAULT_MEMBERS = ['bm25', 'encoder:all-minilm-l6-v2', 'encoder:paraphrase-minilm-l3-v2'] as const;

/** Reads what members are called on the command line. Nothing is loaded yet. */
export function parseMembers(specs: readonly string[], options: MemberOptions = {}): CommitteeMember[] {
  const members = specs.map((spec) => parseMember(spec.trim(), options));
  const twice = members.find(({ name }, i) => members.findIndex((other) => other.name === name) !== i);
  if (twice) throw new InvalidInputError(`the committee has "${twice.name}" twice.`);
  if (members.length === 0) throw new InvalidInputError('the committee needs at least one member.', { hint: FORMS });
  return members;
}

function parseMember(spec: string, options: MemberOptions): CommitteeMember {
  if (spec === 'bm25') return { kind: 'sparse', name: spec };
  if (spec === 'self') return selfMember(options.loadSelf);
  const [, kind, rest = ''] = /^(encoder|embeddings):(.+)$/s.exec(spec) ?? [];
  if (kind === 'encoder') {
    const { offline, onFetch } = options;
    return {
      kind: 'dense',
      name: spec,
      load: async ({ signal }) => {
        const { loadEncoder } = await import('../../encoders/index.js');
        return loadEncoder(rest, {
          ...(offline === undefined ? {} : { offline }),
          ...(onFetch === undefined ? {} : { onFetch }),
          ...(signal === undefined ? {} : { signal }),
        });
      },
    };
  }
  if (kind === 'embeddings') return endpointMember(spec, rest, options);
  // An address may hold a password or a key, so it is not repeated.
  const said = spec.includes('://') ? 'there is no such committee member.' : `there is no committee member "${spec}".`;
  throw new InvalidInputError(said, { hint: FORMS });
}

function endpointMember(spec: string, address: string, { apiKey }: MemberOptions): CommitteeMember {
  const hash = address.lastIndexOf('#');
  const [base, model] = [address.slice(0, hash), address.slice(hash + 1)];
  if (hash < 0 || model === '') throw new InvalidInputError('expected embeddings:<url>#<model>.', { hint: FORMS });
  // The member's name stands in the records, the manifest and the report: it is looked at before there are any.
  const url = endpointUrl(base, 'embeddings:<url>#<model>');
  const load = async () => {
    const { endpointEncoder } = await import('../../encoders/index.js');
    return endpointEncoder({ url, model, apiKey });
  };
  return { kind: 'dense', name: spec, load };
}

function selfMember(loadSelf: MemberOptions['loadSelf']): CommitteeMember {
  if (!loadSelf) throw new InvalidInputError('"self" needs an O1 Embedder: name its adapter.');
  return { kind: 'dense', name: 'self', load: async () => selfRetriever(await loadSelf()) };
}

/** An O1 Embedder as a dense retriever: thoughts and documents as documents, queries without thinking. */
export function selfRetriever(embedder: SelfEmbedder): DenseRetriever {
  const given = ({ signal }: EmbedOptions) => (signal === undefined ? {} : { signal });
  return {
    name: 'self',
    dimensions: embedder.dimensions,
    fingerprint: embedder.fingerprint,
    embed: (texts, options = {}) => embedder.embedDocuments(texts, given(options)),
    async embedQueries(texts, options = {}) {
      const vectors: Float32Array[] = [];
      for (const text of texts) {
        vectors.push((await embedder.embedQuery(text, { think: 'never', ...given(options) })).vector);
      }
      return vectors;
    },
    close: () => embedder.close(),
  };
}
