import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

/**
 * Makes a folder with a `python3` that answers `-m pip download` in the way that `script` says (`$dest` is the folder
 * asked for), and gives the PATH that finds it first.
 *
 * @param rest what follows in the PATH; empty for a machine without any other Python
 */
export async function fakePip(folder: string, script: string, rest = process.env.PATH ?? ''): Promise<string> {
  await mkdir(folder, { recursive: true });
  const file = join(folder, 'python3');
  const head = '#!/bin/sh\necho "$*" >> "$0.calls"\nwhile [ $# -gt 0 ]; do [ "$1" = --dest ] && dest=$2; shift; done\n';
  await writeFile(file, `${head}${script}\n`);
  await chmod(file, 0o755);
  return rest === '' ? folder : `${folder}${delimiter}${rest}`;
}
