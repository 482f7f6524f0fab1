import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { NotFoundError } from '../errors.js';
import { cacheFolder } from './cache.js';
import { type EncoderFiles, selectOnnx } from './encoder-files.js';
import { type NamedEncoder, namedEncoders } from './encoder-registry.js';
import { combinedSha256, rememberedSha256 } from './hash.js';
import { resolveHubEncoder } from './hub.js';
import { type FetchContext, namedFolder, resolveNamedFile } from './named.js';
import { type ResolveModelOptions, withClient } from './resolve.js';
import { parseRepository } from './spec.js';

const FORMS =
  'An encoder is one of: a known name, a folder (config.json, tokenizer.json, tokenizer_config.json and onnx/model.onnx), ' +
  'an .onnx file in or below such a folder, a Hugging Face repository owner/name[@revision][:file.onnx].';

/**
 * The local, verified files of an encoder in ONNX, fetched first where needed.
 *
 * `spec` is the first of these that fits: a known name ({@link encoderNames}); an existing folder in transformers.js'
 * layout, or an `.onnx` file in it or in its folder `onnx`; a Hugging Face repository `owner/name[@revision][:file.onnx]`. What
 * was fetched once for a specification stays.
 *
 * @throws as `resolveModel`
 */
export async function resolveEncoder(spec: string, options: ResolveModelOptions = {}): Promise<EncoderFiles> {
  options.signal?.throwIfAborted();
  const cacheDir = options.cacheDir === undefined ? cacheFolder() : resolve(options.cacheDir);
  const text = spec.trim();
  const named = namedEncoders.find(({ name }) => name === text);
  if (named !== undefined) return withClient(options, cacheDir, (context) => resolveNamedEncoder(named, context));
  const found = text === '' ? undefined : await stat(text).catch(() => undefined);
  if (found?.isDirectory()) return localEncoder(resolve(text), undefined, cacheDir, options.signal);
  if (found?.isFile()) {
    const path = resolve(text);
    const below = basename(dirname(path)) === 'onnx' ? 'onnx/' : '';
    const folder = below === '' ? dirname(path) : dirname(dirname(path));
    return localEncoder(folder, `${below}${basename(path)}`, cacheDir, options.signal);
  }
  const repository = parseRepository(text, 'onnx', FORMS);
  if (repository !== undefined) {
    return withClient(options, cacheDir, (context) => resolveHubEncoder(repository, context));
  }
  throw new NotFoundError(`no encoder is called "${text}". Known names: ${encoderNames().join(', ')}.`, {
    hint: FORMS,
  });
}

/** The names that `resolveEncoder` knows without a folder or a repository. */
export function encoderNames(): string[] {
  return namedEncoders.map(({ name }) => name);
}

async function resolveNamedEncoder(encoder: NamedEncoder, context: FetchContext): Promise<EncoderFiles> {
  for (const file of encoder.files) await resolveNamedFile(file, context);
  const { name, model } = encoder;
  return { name, folder: namedFolder(name, context), model: model.file, sha256: model.sha256 };
}

async function localEncoder(
  folder: string,
  file: string | undefined,
  cacheDir: string,
  signal: AbortSignal | undefined,
): Promise<EncoderFiles> {
  const below = await readdir(join(folder, 'onnx')).catch(() => []);
  const names = [...(await readdir(folder)), ...below.map((name) => `onnx/${name}`)];
  const { weights } = selectOnnx(names, file, folder);
  const hashes: string[] = [];
  for (const path of weights) hashes.push(await rememberedSha256(join(folder, path), cacheDir, { signal }));
  return { name: basename(folder), folder, model: weights[0]!, sha256: combinedSha256(hashes) };
}
