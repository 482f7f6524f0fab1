import { HubApiError, listFiles, modelInfo } from '@huggingface/hub';
import { z } from 'zod';
import { CorruptFileError, NotFoundError, throwIfAborted } from '../errors.js';
import { type HttpClient, SourceError, statusError } from './http.js';

export const hubFileSchema = z.union([
  z.object({ path: z.string(), bytes: z.number(), sha256: z.string() }),
  z.object({ path: z.string(), bytes: z.number(), gitBlobSha1: z.string() }),
]);

/** A file of a repository and what its bytes must be: the Hub states SHA-256 for large files, git's object id for others. */
export type HubFile = z.infer<typeof hubFileSchema>;

export interface RepositoryListing {
  /** What the revision stands for now. */
  readonly commit: string;
  /** By path. */
  readonly files: ReadonlyMap<string, HubFile>;
}

const COMMIT = /^[0-9a-f]{40}$/;

/**
 * All files of a repository at a revision (branch, tag or commit).
 *
 * @throws NotFoundError when the Hub cannot be reached or does not give it
 */
export async function listRepository(
  repository: string,
  revision: string,
  client: HttpClient,
  signal: AbortSignal | undefined,
): Promise<RepositoryListing> {
  const request = (url: string, init?: RequestInit) =>
    client.fetch(url, { headers: init?.headers as Record<string, string>, signal: signal ?? null });
  // The library is written for the browser's fetch; of the answer it reads what both have.
  const hub = { hubUrl: client.endpoint, fetch: request as unknown as typeof globalThis.fetch };
  const where = `${repository}@${revision}`;
  try {
    const commit = COMMIT.test(revision)
      ? revision
      : (await modelInfo({ ...hub, name: repository, revision, additionalFields: ['sha'] })).sha;
    if (!COMMIT.test(commit)) {
      throw new CorruptFileError(`expected a commit from ${client.endpoint}, got ${JSON.stringify(commit)}.`, {
        where,
      });
    }
    const files = new Map<string, HubFile>();
    for await (const { type, path, size, oid, lfs } of listFiles({
      ...hub,
      repo: repository,
      revision: commit,
      recursive: true,
    })) {
      if (type !== 'file') continue;
      if (lfs !== undefined) files.set(path, { path, bytes: lfs.size, sha256: lfs.oid });
      else files.set(path, { path, bytes: size, gitBlobSha1: String(oid) });
    }
    return { commit, files };
  } catch (error) {
    throwIfAborted(signal);
    const failure = error instanceof HubApiError ? statusError(error.statusCode, client.endpoint) : error;
    if (failure instanceof SourceError) {
      throw new NotFoundError(`the Hub did not give this repository: ${failure.message}`, {
        where,
        hint: `There is no local folder "${repository}" either.`,
        cause: failure,
      });
    }
    if (error instanceof SyntaxError || error instanceof TypeError) {
      throw new CorruptFileError(`expected a list of files as JSON from ${client.endpoint}: ${error.message}.`, {
        where,
        cause: error,
      });
    }
    throw error;
  }
}
