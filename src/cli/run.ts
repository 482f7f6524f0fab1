import { CommanderError } from 'commander';
import { type CliContext, Interrupted } from './context.js';
import { describeError } from './describe-error.js';
import { createProgram } from './program.js';

/**
 * Runs one command line and returns the exit code: 0, 1 after an error, 130 after Ctrl-C.
 *
 * Errors are thrown everywhere else and caught here.
 *
 * @param argv the arguments after the program's name.
 */
export async function run(argv: readonly string[], context: CliContext): Promise<number> {
  try {
    await createProgram(context).parseAsync(argv, { from: 'user' });
    return 0;
  } catch (error) {
    // Commander has printed its own message or the help.
    if (error instanceof CommanderError) return error.exitCode;
    if (context.signal.reason instanceof Interrupted) {
      context.stderr.write('Stopped. What was finished is kept: the same command goes on from there.\n');
      return context.signal.reason.exitCode;
    }
    const verbose = argv.includes('--verbose') || Boolean(context.environment.O1_DEBUG);
    context.stderr.write(describeError(error, verbose));
    return 1;
  }
}
