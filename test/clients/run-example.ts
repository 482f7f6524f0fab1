import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { compiledSource } from '../support/compile.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** The examples beside the compiled package, so that `o1-embedder` means what stands in `src/`, run in an empty folder. */
export class Examples {
  readonly #package: string;
  readonly #home: string;

  private constructor(folder: string, home: string) {
    this.#package = folder;
    this.#home = home;
  }

  static async prepare(): Promise<Examples> {
    const compiled = dirname(await compiledSource());
    // Beside the compiled package, whose folder other tests use as it is.
    const folder = await mkdtemp(join(dirname(compiled), 'examples-'));
    const manifest = JSON.parse(await readFile(join(compiled, 'package.json'), 'utf8'));
    await writeFile(join(folder, 'package.json'), JSON.stringify(manifest));
    await symlink(join(compiled, 'dist'), join(folder, 'dist'));
    await cp(join(ROOT, 'examples'), join(folder, 'examples'), { recursive: true });
    const home = await mkdtemp(join(tmpdir(), 'o1-client-examples-'));
    await mkdir(join(home, 'examples'));
    await cp(join(ROOT, 'examples/docs'), join(home, 'examples/docs'), { recursive: true });
    return new Examples(folder, home);
  }

  /** Runs an example as its head says, and gives what it wrote. */
  async run(path: string, args: readonly string[] = [], env: Record<string, string> = {}): Promise<string> {
    const script = join(this.#package, 'examples', path);
    const options = { cwd: this.#home, env: { ...process.env, ...env } };
    return (await promisify(execFile)(process.execPath, [script, ...args], options)).stdout;
  }

  async remove(): Promise<void> {
    await rm(this.#package, { recursive: true, force: true });
    await rm(this.#home, { recursive: true, force: true });
  }
}
