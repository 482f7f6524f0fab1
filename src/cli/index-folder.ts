import { createHash } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { cacheFolder } from '../models/index.js';

/** Where the index of a source is kept unless the user says otherwise: in the cache, by the source's absolute path. */
export function defaultIndexFolder(source: string, environment: NodeJS.ProcessEnv): string {
  const path = resolve(source);
  const hash = createHash('sha256').update(path).digest('hex').slice(0, 12);
  return join(cacheFolder(environment), 'indexes', `${basename(path)}-${hash}`);
}

/** Whether a folder is an index, not a folder of documents. */
export function isIndexFolder(folder: string): boolean {
  return existsSync(join(folder, 'manifest.json')) && readdirSync(folder).some((name) => /^generation-\d+$/.test(name));
}
