import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { openPromise, type ZipFile } from 'yauzl';
import { crashPoint } from '../crash-point.js';
import { CorruptFileError, NotFoundError, throwIfAborted } from '../errors.js';
import { isDiskError } from './cache.js';
import { SourceError } from './http.js';

/** How pip may be called, in the order of trying. Which index it asks is pip's own setting. */
const PIP_COMMANDS: readonly (readonly string[])[] = [['python3', '-m', 'pip'], ['python', '-m', 'pip'], ['pip']];

/** pip's own time-out covers the network; this one is for a pip that waits for something else. */
const PIP_STALL_MS = 60_000;
const POLL_MS = 250;

export interface WheelOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onBytes?: ((bytes: number) => void) | undefined;
}

/**
 * Downloads the wheel of a Python package with pip, as a child process, and gives its path in a new folder under `folder`.
 */
export async function downloadWheel(
  wheel: { readonly package: string; readonly version: string },
  folder: string,
  options: WheelOptions = {},
): Promise<string> {
  await mkdir(folder, { recursive: true });
  const target = await mkdtemp(join(folder, 'pip-'));
  const requirement = `${wheel.package}==${wheel.version}`;
  // A wheel only: a source package would run its own code. Short time-outs: another source may be waiting.
  const download = ['download', '--no-deps', '--only-binary=:all:', '--dest', target, requirement];
  const quiet = ['--quiet', '--no-input', '--disable-pip-version-check', '--timeout', '10', '--retries', '1'];
  const missing: string[] = [];
  for (const [command, ...prefix] of PIP_COMMANDS) {
    const { code, errors } = await run(command!, [...prefix, ...download, ...quiet], target, options);
    if (code === 0) {
      const found = (await readdir(target)).filter((name) => name.endsWith('.whl'));
      if (found.length === 1) return join(target, found[0]!);
      throw new SourceError(`expected pip to leave one wheel of ${requirement}, got ${found.length}.`, false);
    }
    if (code !== undefined && !/No module named '?pip/.test(errors)) {
      throw new SourceError(`${command} could not download ${requirement}: ${lastLines(errors)}`, false);
    }
    missing.push([command, ...prefix].join(' '));
  }
  throw new NotFoundError(`no pip found (tried ${missing.join(', ')}).`, {
    hint: 'Install Python with pip, or fetch the file by other means and give its path.',
  });
}

/** The exit code, `undefined` where there is no such command or it may not be run. */
async function run(
  command: string,
  args: readonly string[],
  folder: string,
  { signal, onBytes }: WheelOptions,
): Promise<{ code: number | undefined; errors: string }> {
  throwIfAborted(signal);
  // pip writes to its temporary folder first: in ours its progress can be seen and its leftovers are removed.
  const env = { ...process.env, TMPDIR: folder, TEMP: folder, TMP: folder };
  // Not pip's business.
  delete (env as NodeJS.ProcessEnv).HF_TOKEN;
  const child = spawn(command, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-4_000);
  });
  let stalled = false;
  let most = 0;
  let grownAt = Date.now();
  const poll = setInterval(async () => {
    const bytes = await folderBytes(folder);
    if (bytes > most) {
      most = bytes;
      grownAt = Date.now();
      onBytes?.(bytes);
    } else if (Date.now() - grownAt > PIP_STALL_MS) {
      stalled = true;
      child.kill();
    }
  }, POLL_MS);
  const stop = () => child.kill();
  signal?.addEventListener('abort', stop);
  try {
    const code = await new Promise<number | undefined>((resolve, reject) => {
      child.on('error', (error: NodeJS.ErrnoException) =>
        error.code === 'ENOENT' ? resolve(undefined) : reject(error),
      );
      // A process that was killed has no exit code.
      child.on('close', (status) => resolve(status ?? -1));
    });
    throwIfAborted(signal);
    if (stalled) throw new SourceError(`${command}: no progress for ${PIP_STALL_MS / 1000} s.`, false);
    return { code, errors };
  } finally {
    clearInterval(poll);
    signal?.removeEventListener('abort', stop);
  }
}

/** Bytes of all files under a folder that is changing meanwhile. */
async function folderBytes(folder: string): Promise<number> {
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  const sizes = await Promise.all(
    names.map((name) =>
      stat(join(folder, name)).then(
        (found) => (found.isFile() ? found.size : 0),
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** pip's reasons stand at the end; an index address may carry a password. */
function lastLines(errors: string): string {
  const lines = errors.split('\n').filter((line) => line.trim() !== '');
  return (
    lines
      .slice(-2)
      .join(' ')
      .replace(/\/\/[^/@\s]+@/g, '//***@') || 'it says nothing.'
  );
}

/** Writes one member of a zip file to `target`, piece by piece. */
export async function unpackMember(
  archive: string,
  member: string,
  target: string,
  bytes: number,
  { signal, onBytes }: WheelOptions = {},
): Promise<void> {
  const where = `${archive}: ${member}`;
  let zip: ZipFile | undefined;
  try {
    zip = await openPromise(archive, { lazyEntries: true, autoClose: false });
    for await (const entry of zip.eachEntry()) {
      if (entry.fileName !== member) continue;
      if (entry.uncompressedSize !== bytes) {
        throw new CorruptFileError(`expected ${bytes} bytes, the archive says ${entry.uncompressedSize}.`, { where });
      }
      let done = 0;
      const count = async function* (blocks: AsyncIterable<Buffer>) {
        for await (const block of blocks) {
          yield block;
          done += block.length;
          onBytes?.(done);
          if (done < bytes) crashPoint('unpack-mid');
        }
      };
      await pipeline(await zip.openReadStreamPromise(entry), count, createWriteStream(target), { signal });
      return;
    }
  } catch (error) {
    throwIfAborted(signal);
    if (error instanceof CorruptFileError || isDiskError(error)) throw error;
    throw new CorruptFileError(`expected a whole zip archive: ${(error as Error).message}.`, { where, cause: error });
  } finally {
    zip?.close();
  }
  throw new CorruptFileError('expected this member in the archive, it is not there.', { where });
}
