import { loadBeir } from '../../search/index.js';
import { writeSynthReport } from '../../synth/index.js';
import type { CliContext } from '../context.js';

export interface SynthReportOptions {
  readonly set?: string;
  readonly split: string;
  readonly samples: number;
  readonly seed: number;
  readonly json?: boolean;
}

/** Writes the page about an output folder. */
export async function synthReportCommand(
  context: CliContext,
  folder: string,
  options: SynthReportOptions,
): Promise<void> {
  const path = await runReport(folder, options);
  context.stdout.write(options.json ? `${JSON.stringify({ report: path })}\n` : `${path}\n`);
}

/** @returns where the page is. */
export async function runReport(folder: string, { set, split, samples, seed }: SynthReportOptions): Promise<string> {
  return writeSynthReport(folder, { set: await loadBeir(set ?? folder, split), samples, seed });
}
