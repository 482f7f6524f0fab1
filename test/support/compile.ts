import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cp, mkdir, readdir, rename, rm, stat, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { lock } from 'proper-lockfile';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** Inside `node_modules`, so that the compiled files find the project's libraries and nothing else looks at them. */
const BUILDS = join(ROOT, 'node_modules', '.cache', 'o1-embedder-compiled');
/** Builds of other states of the source are removed after this time: by then no test run uses them any more. */
const KEEP_MS = 3_600_000;

let compiled: Promise<string> | undefined;

/**
 * The folder with the compiled JavaScript of `src/`, for tests that run parts of the project in a child process. It is
 * compiled once for each state of the source, also when several test files ask at once. The folder beside it that
 * `../data` leads to, and the package file, are the project's own.
 *
 * Types are not checked here (`npm run check` does it): an error in one room must not stop another room's tests.
 */
export function compiledSource(): Promise<string> {
  compiled ??= compile();
  return compiled;
}

async function compile(): Promise<string> {
  const target = join(BUILDS, await sourceState());
  await mkdir(BUILDS, { recursive: true });
  const release = await lock(BUILDS, { retries: { retries: 300, minTimeout: 100, maxTimeout: 200 } });
  try {
    if (await exists(target)) return join(target, 'dist');
    await removeOld();
    const temporary = `${target}.${process.pid}.tmp`;
    await mkdir(temporary, { recursive: true });
    await cp(join(ROOT, 'package.json'), join(temporary, 'package.json'));
    await symlink(join(ROOT, 'data'), join(temporary, 'data'));
    const compiler = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
    const args = [compiler, '-p', join(ROOT, 'tsconfig.build.json'), '--outDir', join(temporary, 'dist')];
    await promisify(execFile)(process.execPath, [...args, '--declaration', 'false', '--noEmitOnError', 'false']).catch(
      (error: { code?: number; stdout?: string }) => {
        // 2 = there were type errors, but everything was written.
        if (error.code !== 2) throw new Error(`tsc failed: ${error.stdout}`, { cause: error });
      },
    );
    await rename(temporary, target);
    return join(target, 'dist');
  } finally {
    await release();
  }
}

/** A name that changes with any source file. */
async function sourceState(): Promise<string> {
  const entries = await readdir(join(ROOT, 'src'), { recursive: true });
  const files = entries.filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts')).sort();
  const hash = createHash('sha256');
  for (const name of files) {
    const found = await stat(join(ROOT, 'src', name));
    hash.update(`${name}\0${found.size}\0${found.mtimeMs}\0`);
  }
  return hash.digest('hex').slice(0, 16);
}

async function removeOld(): Promise<void> {
  for (const name of await readdir(BUILDS)) {
    const path = join(BUILDS, name);
    if (Date.now() - (await stat(path)).mtimeMs > KEEP_MS) await rm(path, { recursive: true, force: true });
  }
}

const exists = (path: string) =>
  stat(path).then(
    () => true,
    () => false,
  );
