import { resolve } from 'node:path';
import { O1Error } from '../errors.js';
import { cacheFolder, isDiskError, offlineByEnvironment } from './cache.js';
import { HttpClient } from './http.js';
import { resolveHub } from './hub.js';
import { resolveFile, resolveFolder } from './local.js';
import type { ModelFiles } from './model-files.js';
import { type FetchContext, resolveNamed } from './named.js';
import type { FetchProgress } from './progress.js';
import { parseSpec } from './spec.js';

export interface ResolveModelOptions {
  /** Where fetched models are kept. Default: {@link cacheFolder}. */
  readonly cacheDir?: string;
  /** Never ask the network. Default: `O1_OFFLINE` or `HF_HUB_OFFLINE`. */
  readonly offline?: boolean;
  /** Stops at once; what was fetched so far is kept and the next call goes on from there. */
  readonly signal?: AbortSignal;
  /** Called at most about ten times a second for each file and phase. */
  readonly onProgress?: (progress: FetchProgress) => void;
}

/**
 * The local, verified files of a model, fetched first where needed.
 *
 * `spec` is the first of these that fits:
 * 1. a known name ({@link modelNames}), e.g. `smollm2-135m-instruct`;
 * 2. an existing folder with `config.json`, `tokenizer.json` and `*.safetensors` (shards: with
 *    `model.safetensors.index.json`) or with exactly one `.gguf` file, or an existing `.gguf` file;
 * 3. a Hugging Face repository `owner/name[@revision][:file.gguf]`, revision `main` by default. What was fetched once
 *    for a specification stays: a branch that moves on is not followed.
 *
 * So an existing folder `owner/name` is meant before the repository (force the latter with `owner/name@main`), and a folder
 * called like a known name is written `./name`.
 *
 * The environment: `HF_ENDPOINT`, `HF_TOKEN` (sent to the Hub only), `HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`. Several
 * processes may ask for the same model at once: one fetches, the others wait.
 *
 * @throws NotFoundError when there is no such model, or no source gives it (each with its reason)
 * @throws CorruptFileError when a file is not what its source says
 * @throws InvalidInputError when the specification is not one, or is ambiguous
 * @throws O1Error when the cache folder cannot be written
 * @throws the signal's reason when it is aborted
 */
export async function resolveModel(spec: string, options: ResolveModelOptions = {}): Promise<ModelFiles> {
  const { signal, onProgress } = options;
  signal?.throwIfAborted();
  const cacheDir = options.cacheDir === undefined ? cacheFolder() : resolve(options.cacheDir);
  const meant = await parseSpec(spec);
  if (meant.kind === 'folder') return resolveFolder(meant.path, { cacheDir, signal, onProgress });
  if (meant.kind === 'file') return resolveFile(meant.path, { cacheDir, signal, onProgress });
  return withClient(options, cacheDir, (context) =>
    meant.kind === 'named' ? resolveNamed(meant.model, context) : resolveHub(meant, context),
  );
}

/** Runs work that may use the network, with the settings of the call. */
export async function withClient<T>(
  options: ResolveModelOptions,
  cacheDir: string,
  work: (context: FetchContext) => Promise<T>,
): Promise<T> {
  const { signal, onProgress, offline = offlineByEnvironment() } = options;
  const client = new HttpClient();
  try {
    return await work({ cacheDir, offline, client, signal, onProgress });
  } catch (error) {
    if (!isDiskError(error)) throw error;
    throw new O1Error(`the cache folder cannot be used: ${error.message}.`, {
      where: cacheDir,
      hint: 'Make room, or set O1_CACHE to a folder that can be written.',
      cause: error,
    });
  } finally {
    await client.close();
  }
}
