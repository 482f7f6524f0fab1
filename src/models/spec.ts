import { stat } from 'node:fs/promises';
import { isAbsolute, resolve } from 'node:path';
import { CorruptFileError, InvalidInputError, NotFoundError } from '../errors.js';
import { modelNames, type NamedModel, namedModels } from './registry.js';

/** What a model specification means. */
export type ModelSpec =
  | { readonly kind: 'named'; readonly model: NamedModel }
  | { readonly kind: 'folder'; readonly path: string }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'hub'; readonly repository: string; readonly revision: string; readonly file: string | undefined };

const HUB_FORM = /^(?<repository>[A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*)(?:@(?<revision>[^:@]+))?(?::(?<file>.+))?$/;

const FORMS =
  'A model is one of: a known name, a folder (config.json, tokenizer.json and *.safetensors, or one .gguf file), ' +
  'a .gguf file, a Hugging Face repository owner/name[@revision][:file.gguf].';

/**
 * Reads a model specification. The first that fits counts: a known name, an existing path, a repository. So a folder
 * `owner/name` hides the repository of that name, unless a revision is given (`owner/name@main`); a folder called like a
 * known name is meant by `./name`.
 */
export async function parseSpec(spec: string): Promise<ModelSpec> {
  const text = spec.trim();
  const model = namedModels.find(({ name }) => name === text);
  if (model !== undefined) return { kind: 'named', model };
  const found = text === '' ? undefined : await stat(text).catch(() => undefined);
  if (found?.isDirectory()) return { kind: 'folder', path: resolve(text) };
  if (found?.isFile()) {
    if (/\.gguf$/i.test(text)) return { kind: 'file', path: resolve(text) };
    throw new InvalidInputError('expected a .gguf file or a folder, got another file.', { where: text, hint: FORMS });
  }
  if (isAbsolute(text) || /^\.{1,2}([/\\]|$)/.test(text)) {
    throw new NotFoundError('there is no such file or folder.', { where: text, hint: FORMS });
  }
  const hub = parseRepository(text, 'gguf', FORMS);
  if (hub !== undefined) return hub;
  throw new NotFoundError(`no model is called "${text}". Known names: ${modelNames().join(', ')}.`, { hint: FORMS });
}

/**
 * Reads `owner/name[@revision][:file]`; `undefined` where the text has another form.
 *
 * @param ending of the file that may be named, without the dot
 * @param forms what may be written, for errors
 */
export function parseRepository(
  text: string,
  ending: string,
  forms: string,
): Extract<ModelSpec, { kind: 'hub' }> | undefined {
  const hub = HUB_FORM.exec(text)?.groups;
  if (hub?.repository === undefined) return undefined;
  const { repository, revision = 'main', file } = hub;
  if (/\.\.|[\\\s?#]/.test(repository + revision)) {
    throw new InvalidInputError(`expected owner/name[@revision][:file.${ending}].`, { where: text, hint: forms });
  }
  if (file !== undefined && !(isSafePath(file) && file.toLowerCase().endsWith(`.${ending}`))) {
    throw new InvalidInputError(`expected the name of a .${ending} file in the repository, got "${file}".`, {
      where: text,
    });
  }
  return { kind: 'hub', repository, revision, file };
}

/** Whether a relative path stays inside its folder on every system. */
function isSafePath(path: string): boolean {
  // Control characters, backslashes, drive letters and everything that a URL reads in another way.
  if ([...path].some((sign) => sign < ' ' || '\\:?#%*"<>|'.includes(sign))) return false;
  return path.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
}

/** The path itself, when a file of that name may be written into the cache. */
export function safePath(path: string, where: string): string {
  if (isSafePath(path)) return path;
  throw new CorruptFileError(`expected a file name inside the model's folder, got ${JSON.stringify(path)}.`, { where });
}
