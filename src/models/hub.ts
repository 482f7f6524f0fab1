import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { NotFoundError, throwIfAborted } from '../errors.js';
import { download } from './download.js';
import { type EncoderFiles, type OnnxSelection, selectOnnx } from './encoder-files.js';
import { combinedSha256, rememberedSha256 } from './hash.js';
import type { HttpClient } from './http.js';
import { type HubFile, hubFileSchema, listRepository } from './hub-listing.js';
import { safetensorsFiles } from './local.js';
import { withLock } from './lock.js';
import type { ModelFiles } from './model-files.js';
import { type FetchContext, fileUrl, offlineError } from './named.js';
import { difference, verifyAndPlace } from './place.js';
import { ProgressMeter } from './progress.js';
import { type Selection, selectFiles } from './select.js';
import type { ModelSpec } from './spec.js';
import { safePath } from './spec.js';

type HubSpec = Extract<ModelSpec, { kind: 'hub' }>;

/** Chooses a repository's files for one kind of model. */
interface Kind {
  /** Part of the snapshot's name: a repository may hold models of several kinds. */
  readonly prefix: string;
  readonly select: (
    names: readonly string[],
    readText: (name: string) => Promise<string>,
    where: string,
    file: string | undefined,
  ) => Promise<Selection | OnnxSelection>;
}

const DECODER: Kind = {
  prefix: '',
  select: async (names, readText, where, file) =>
    file === undefined ? selectFiles(names, readText, where) : { format: 'gguf', path: file },
};

const ENCODER: Kind = {
  prefix: 'onnx:',
  select: async (names, _readText, where, file) => selectOnnx(names, file, where),
};

const selectionSchema = z.union([
  z.object({ format: z.literal('gguf'), path: z.string() }),
  z.object({
    format: z.literal('safetensors'),
    config: z.string(),
    tokenizer: z.string(),
    tokenizerConfig: z.string().optional(),
    weights: z.array(z.string()).readonly(),
  }),
  z.object({
    format: z.literal('onnx'),
    config: z.string(),
    tokenizer: z.string(),
    tokenizerConfig: z.string(),
    weights: z.array(z.string()).readonly(),
  }),
]);

/** What a specification meant when it was first asked for: written once, so that `main` does not move under an index. */
const snapshotSchema = z.object({ commit: z.string(), selection: selectionSchema, files: z.array(hubFileSchema) });
type Snapshot = z.infer<typeof snapshotSchema>;

/**
 * The model in a Hub repository: from the cache when it was fetched before (the Hub is not asked then, whatever a branch
 * may have become; name a commit or another cache folder for a newer one), else fetched file by file.
 */
export async function resolveHub(spec: HubSpec, context: FetchContext): Promise<ModelFiles> {
  const { name, home, selection, sha256 } = await fetchModel(spec, context, DECODER);
  if (selection.format === 'gguf') return { format: 'gguf', name, path: join(home, selection.path), sha256 };
  return safetensorsFiles(name, home, selection as Extract<Selection, { format: 'safetensors' }>, sha256);
}

/** The encoder in a Hub repository, as {@link resolveHub}. */
export async function resolveHubEncoder(spec: HubSpec, context: FetchContext): Promise<EncoderFiles> {
  const { name, home, selection, sha256 } = await fetchModel(spec, context, ENCODER);
  return { name, folder: home, model: (selection as OnnxSelection).weights[0]!, sha256 };
}

interface FetchedModel {
  readonly name: string;
  readonly home: string;
  readonly selection: Snapshot['selection'];
  readonly sha256: string;
}

async function fetchModel(spec: HubSpec, context: FetchContext, kind: Kind): Promise<FetchedModel> {
  const { repository, revision, file } = spec;
  const name = `${repository}${revision === 'main' ? '' : `@${revision}`}${file === undefined ? '' : `:${file}`}`;
  const folder = join(context.cacheDir, 'hub', repository.replace('/', '--'));
  const snapshotName = encodeURIComponent(`${kind.prefix}${revision}:${file ?? ''}`);
  const snapshotFile = join(folder, 'snapshots', `${snapshotName}.json`);
  const cached = await readSnapshot(snapshotFile);
  if (cached !== undefined) {
    const [damaged] = await damagedFiles(cached, folder, context);
    if (damaged === undefined) return describe(name, folder, cached, context);
    if (context.offline) throw await offlineError(join(folder, cached.commit, damaged.file.path), damaged.wrong, name);
  } else if (context.offline) {
    throw await offlineError(snapshotFile, '', name);
  }
  return withLock(folder, { signal: context.signal }, async (signal) => {
    const inner = { ...context, signal };
    const snapshot = (await readSnapshot(snapshotFile)) ?? (await askHub(spec, folder, inner, kind));
    await writeSnapshot(snapshotFile, snapshot);
    for (const { file } of await damagedFiles(snapshot, folder, inner)) {
      await fetchFile(repository, snapshot.commit, file, folder, inner);
    }
    return describe(name, folder, snapshot, inner);
  });
}

async function describe(
  name: string,
  folder: string,
  snapshot: Snapshot,
  context: FetchContext,
): Promise<FetchedModel> {
  const { selection, commit } = snapshot;
  const home = join(folder, commit);
  const weights = selection.format === 'gguf' ? [selection.path] : selection.weights;
  const hashes: string[] = [];
  for (const path of weights) {
    const file = snapshot.files.find((entry) => entry.path === path)!;
    hashes.push(
      'sha256' in file
        ? file.sha256
        : await rememberedSha256(join(home, path), context.cacheDir, { signal: context.signal }),
    );
  }
  return { name, home, selection, sha256: combinedSha256(hashes) };
}

/** The files of a snapshot that are missing or not what the Hub said, each with the difference. */
async function damagedFiles(
  snapshot: Snapshot,
  folder: string,
  { cacheDir, signal }: FetchContext,
): Promise<{ file: HubFile; wrong: string }[]> {
  const damaged: { file: HubFile; wrong: string }[] = [];
  for (const file of snapshot.files) {
    const path = join(folder, snapshot.commit, file.path);
    const remembered = 'sha256' in file ? await rememberedSha256(path, cacheDir, { signal }).catch(() => '') : '';
    throwIfAborted(signal);
    const wrong = await difference(path, file, remembered === '' ? { signal } : { signal, sha256: remembered });
    if (wrong !== undefined) damaged.push({ file, wrong });
  }
  return damaged;
}

/** Asks the Hub for the repository's files at this revision and chooses among them. */
async function askHub(spec: HubSpec, folder: string, context: FetchContext, kind: Kind): Promise<Snapshot> {
  const { repository, revision } = spec;
  const where = `${repository}@${revision}`;
  const { commit, files } = await listRepository(repository, revision, context.client, context.signal);
  const names = [...files.keys()];
  const readText = async (name: string) => {
    await fetchFile(repository, commit, files.get(name)!, folder, context);
    return readFile(join(folder, commit, name), 'utf8');
  };
  if (spec.file !== undefined && !files.has(spec.file)) {
    const ending = spec.file.slice(spec.file.lastIndexOf('.'));
    const alike = names.filter((path) => path.toLowerCase().endsWith(ending.toLowerCase()));
    const hint = alike.length === 0 ? `It has no ${ending} file.` : `Its ${ending} files: ${alike.join(', ')}.`;
    throw new NotFoundError(`the repository has no file "${spec.file}".`, { where, hint });
  }
  const selection = await kind.select(names, readText, where, spec.file);
  const paths =
    selection.format === 'gguf'
      ? [selection.path]
      : [selection.config, selection.tokenizer, selection.tokenizerConfig ?? [], selection.weights].flat(2);
  return { commit, selection, files: paths.map((path) => files.get(safePath(path, where))!) };
}

async function fetchFile(
  repository: string,
  commit: string,
  file: HubFile,
  folder: string,
  { client, signal, onProgress }: Pick<FetchContext, 'signal' | 'onProgress'> & { client: HttpClient },
): Promise<void> {
  const path = join(folder, commit, file.path);
  await mkdir(dirname(path), { recursive: true });
  const url = fileUrl(client.endpoint, repository, commit, file.path);
  const meter = new ProgressMeter(file.path.split('/').at(-1)!, 'fetch', file.bytes, onProgress);
  await download(client, url, `${path}.part`, file.bytes, { signal, onBytes: (bytes) => meter.update(bytes) });
  await verifyAndPlace(`${path}.part`, path, file, url, { signal, onProgress });
}

/** `undefined` when there is none, or one that cannot be read: then the Hub is asked again. */
async function readSnapshot(path: string): Promise<Snapshot | undefined> {
  try {
    return snapshotSchema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return undefined;
  }
}

async function writeSnapshot(path: string, snapshot: Snapshot): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.tmp`, JSON.stringify(snapshot, null, 2));
  await rename(`${path}.tmp`, path);
}
