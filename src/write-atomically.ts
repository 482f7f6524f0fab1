import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { crashPoint } from './crash-point.js';

/**
 * Writes a file so that a reader finds either the old content or the new, also after a crash: a temporary file beside it
 * is written, flushed to the disk and renamed.
 */
export async function writeAtomically(path: string, content: string): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  const file = await open(temporary, 'w');
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  crashPoint('before-rename');
  await renameDurably(temporary, path);
}

/** Renames a file and flushes the folder's entry, so that the new name outlives a power cut. */
export async function renameDurably(from: string, to: string): Promise<void> {
  await rename(from, to);
  // Windows cannot open a folder; there the rename alone must do.
  if (process.platform === 'win32') return;
  const folder = await open(dirname(to), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
