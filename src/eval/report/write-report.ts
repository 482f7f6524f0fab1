import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomically } from '../../write-atomically.js';
import type { Evaluation } from '../result.js';
import { evaluationMarkdown } from './markdown.js';
import { evaluationPage } from './page.js';

/** Writes `results.json`, `report.md` and `report.html` into a folder. @returns their paths. */
export async function writeReport(folder: string, evaluation: Evaluation): Promise<string[]> {
  await mkdir(folder, { recursive: true });
  const files = {
    'results.json': `${JSON.stringify(evaluation)}\n`,
    'report.md': evaluationMarkdown(evaluation),
    'report.html': await evaluationPage(evaluation),
  };
  for (const [name, content] of Object.entries(files)) await writeAtomically(join(folder, name), content);
  return Object.keys(files).map((name) => join(folder, name));
}
