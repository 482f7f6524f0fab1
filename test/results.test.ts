import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const read = (name: string) => readFileSync(new URL(`../${name}`, import.meta.url), 'utf8');

test("README's table has the figures of docs/results.md", () => {
  const rows = (text: string, pattern: RegExp) => text.split('\n').filter((line) => pattern.test(line));
  const results = read('docs/results.md');
  /** System and set to nDCG@10, as the report prints it. */
  const measured = new Map<string, string>();
  let set = '';
  let slice = '';
  for (const line of results.split('\n')) {
    if (line.startsWith('## ')) set = line.slice(3);
    if (line.startsWith('### ')) slice = line.slice(4);
    const [, system, value] = line.match(/^\| ([\w:+-]+) \| (\.\d{3}) \[/) ?? [];
    if (system && slice.startsWith('all ')) measured.set(`${set} ${system}`, value!);
  }
  expect(measured.size).toBeGreaterThan(20);

  const [header, ...body] = rows(read('README.md'), /^\| (system|bm25|encoder:|o1:)/);
  const sets = header!
    .split('|')
    .slice(2, -1)
    .map((cell) => cell.trim());
  expect(sets).toEqual(expect.arrayContaining(['node-api', 'scifact', 'cosqa']));
  expect(body.length).toBeGreaterThan(5);
  for (const row of body) {
    const [system, ...values] = row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim());
    for (const [i, value] of values.entries()) {
      expect(value, `${system} on ${sets[i]}`).toBe(measured.get(`${sets[i]} ${system}`) ?? '');
    }
  }
});
