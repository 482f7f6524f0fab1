import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { NotFoundError } from '../errors.js';
import { BadLines, chunkMarkdown, chunkPlainText, type DocumentRecord, documentText, readFolder } from './index.js';

/** One token a word: easy to count in a test. */
const countTokens = (text: string) => text.split(/\s+/).filter((word) => word !== '').length;
const settings = { maxTokens: 12, countTokens };
const short = (records: readonly DocumentRecord[]) => records.map(({ id, title, text }) => [id, title, text]);

test('a section a chunk, with the path of headings as its title', () => {
  const text = `Before all.

# Guide

Hello.

## Install ##

Run it.

### On *Windows*

Run it twice.

## Install

Again.
`;
  const chunks = chunkMarkdown(text, 'docs/guide.md', settings);
  expect(short(chunks)).toEqual([
    ['docs/guide.md', 'docs/guide.md', 'Before all.'],
    ['docs/guide.md#guide', 'Guide', 'Hello.'],
    ['docs/guide.md#install', 'Guide > Install', 'Run it.'],
    ['docs/guide.md#on-windows', 'Guide > Install > On *Windows*', 'Run it twice.'],
    ['docs/guide.md#install-1', 'Guide > Install', 'Again.'],
  ]);
  expect(chunks.map(({ metadata }) => metadata!.line)).toEqual([1, 3, 7, 11, 15]);
  expect(chunks[0]!.metadata).toEqual({ path: 'docs/guide.md', line: 1 });
});

test('a # in code is no heading; setext headings are; a rule or a list is not', () => {
  const text = `Title
=====

\`\`\`sh
# a comment

echo
\`\`\`

Sub [title](x.md)
---

~~~
\`\`\`
# still code
~~~

- item
---

    # indented

done
`;
  expect(short(chunkMarkdown(text, 'a.md', { ...settings, maxTokens: 50 }))).toEqual([
    ['a.md#title', 'Title', '```sh\n# a comment\n\necho\n```'],
    ['a.md#sub-title', 'Title > Sub title', '~~~\n```\n# still code\n~~~\n\n- item\n---\n\n    # indented\n\ndone'],
  ]);
});

test('front matter gives the title and is not text', () => {
  const text = '\ufeff---\r\ntitle: "The Guide"\r\ntags: [a]\r\n---\r\nIntro.\r\n\r\n## Part\r\n\r\nText.\r\n';
  expect(short(chunkMarkdown(text, 'a.mdx', settings))).toEqual([
    ['a.mdx', 'The Guide', 'Intro.'],
    ['a.mdx#part', 'The Guide > Part', 'Text.'],
  ]);
});

test('long sections are cut at paragraphs, then at sentences, with part numbers', () => {
  const text = `# T

One two three four.

Five six seven.

${'Eight nine ten eleven twelve thirteen. '.repeat(3)}

End.`;
  expect(short(chunkMarkdown(text, 'a.md', settings))).toEqual([
    ['a.md#t', 'T', 'One two three four.\n\nFive six seven.'],
    ['a.md#t~2', 'T', 'Eight nine ten eleven twelve thirteen.'],
    ['a.md#t~3', 'T', 'Eight nine ten eleven twelve thirteen.'],
    ['a.md#t~4', 'T', 'Eight nine ten eleven twelve thirteen.\n\nEnd.'],
  ]);
});

test('code is kept whole where it fits, and gets fences in every part where it does not', () => {
  const code = Array.from({ length: 12 }, (_, index) => `call ${index}`).join('\n');
  const chunks = chunkMarkdown(
    `# T\n\ntext here\n\n\`\`\`js\nlet x;\n\`\`\`\n\n\`\`\`js\n${code}\n\`\`\``,
    'a.md',
    settings,
  );
  expect(chunks[0]!.text).toBe('text here\n\n```js\nlet x;\n```');
  expect(chunks.length).toBe(4);
  for (const { text } of chunks.slice(1)) expect(text).toMatch(/^```js\n(call \d+\n)+```$/);
});

test('lists and tables are cut at their lines', () => {
  const list = Array.from({ length: 6 }, (_, index) => `- item ${index}. More of it`).join('\n');
  for (const { text } of chunkMarkdown(`# T\n\n${list}`, 'a.md', settings)) {
    expect(text).toMatch(/^(- item \d\. More of it(\n|$))+$/);
  }
});

test('a title that leaves no room loses its outer headings', () => {
  const text = '# One two three four five six\n\n## Seven eight\n\n### Nine ten\n\nText.';
  expect(chunkMarkdown(text, 'a.md', settings)[0]!.title).toBe('Seven eight > Nine ten');
});

test('an embedded image is left out, and a megabyte without a space is cut without counting its tokens', () => {
  const image = `![a plot](data:image/png;base64,${'iVBORw0KGgo='.repeat(50_000)})`;
  expect(chunkMarkdown(`# T\n\n${image}`, 'a.md', settings)[0]!.text).toBe('![a plot](data:image/png;base64,)');
  let longest = 0;
  const counting = (text: string) => {
    longest = Math.max(longest, text.length);
    return Math.ceil(text.length / 4);
  };
  const chunks = chunkMarkdown('x'.repeat(1_000_000), 'a.md', { maxTokens: 192, countTokens: counting });
  expect(chunks.map(({ text }) => text).join('')).toHaveLength(1_000_000);
  expect(longest).toBeLessThan(20_000);
});

test('empty headings and headings without letters have ids of their own', () => {
  const ids = chunkMarkdown('start\n\n#\n\na\n\n#\n\nb\n\n# ???\n\nc\n\n# -1\n\nd', 'a.md', settings).map(
    ({ id }) => id,
  );
  expect(ids).toHaveLength(5);
  expect(new Set(ids).size).toBe(5);
});

test('plain text is cut at blank lines', () => {
  const text = 'One two three four five.\r\nSix.\r\n\r\n\r\nSeven eight nine ten eleven twelve.\r\n# no heading';
  expect(short(chunkPlainText(text, 'n.txt', settings))).toEqual([
    ['n.txt', 'n.txt', 'One two three four five.\nSix.'],
    ['n.txt~2', 'n.txt', 'Seven eight nine ten eleven twelve.\n# no heading'],
  ]);
});

test('any text: ids are unique, the budget holds, no word is lost', () => {
  // A token a code point, so that a long word can be too long.
  const perCharacter = (text: string) => [...text].length;
  const line = fc.oneof(
    fc.constantFrom(
      '',
      '# a',
      '## b',
      '```',
      '~~~~',
      '---',
      '- x. y',
      '| t | u |',
      '    # c',
      'Hello there. You are here.',
    ),
    fc.string({ unit: 'grapheme', maxLength: 80 }),
  );
  fc.assert(
    fc.property(fc.array(line, { maxLength: 30 }), fc.integer({ min: 40, max: 120 }), (lines, maxTokens) => {
      const chunks = chunkMarkdown(lines.join('\n'), 'f.md', { maxTokens, countTokens: perCharacter });
      expect(new Set(chunks.map(({ id }) => id)).size).toBe(chunks.length);
      for (const chunk of chunks) {
        const limit = perCharacter(chunk.title!) + 1 > maxTokens / 2 ? maxTokens / 2 : maxTokens;
        const counted = limit === maxTokens ? documentText(chunk) : chunk.text;
        expect(perCharacter(counted)).toBeLessThanOrEqual(limit);
      }
      const kept = chunks.map(({ title, text }) => title + text).join('');
      const letters = (text: string) => new Set(text.match(/[\p{L}\p{N}]/gu) ?? []);
      const source = lines.filter((text) => !/^ {0,3}#/.test(text) && !text.includes('[') && !text.includes('<'));
      const fromText = letters(source.join('\n').replace(/^---[\s\S]*?\n---/, ''));
      for (const letter of fromText) expect(kept).toContain(letter);
    }),
    { numRuns: 300, seed: 1 },
  );
});

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'o1-folder-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function write(path: string, content: string | Uint8Array): Promise<void> {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await writeFile(join(folder, path), content);
}

async function read(badLines?: BadLines): Promise<DocumentRecord[]> {
  const records: DocumentRecord[] = [];
  const options = badLines ? { ...settings, badLines } : settings;
  for await (const record of readFolder(folder, options)) records.push(record);
  return records;
}

test('walks folders in the order of the paths; leaves out what is hidden, linked or not text', async () => {
  for (const path of ['b.md', 'a/z.mdx', 'a/é.txt', 'a.md', 'B.MD', 'deep/er/x.markdown'])
    await write(path, `in ${path}`);
  for (const path of ['.hidden.md', '.git/x.md', 'node_modules/x.md', 'a/node_modules/p/x.md', 'code.ts', 'x.md.bak']) {
    await write(path, 'not this');
  }
  await write('empty.md', '');
  await symlink(folder, join(folder, 'loop'));
  expect((await read()).map(({ id }) => id)).toEqual([
    'B.MD',
    'a.md',
    'a/z.mdx',
    'a/é.txt',
    'b.md',
    'deep/er/x.markdown',
  ]);
});

test('a file that is not UTF-8 is an error with its path, or is counted and left out', async () => {
  await write('a.md', new Uint8Array([0x68, 0xe9, 0x0a]));
  await write('b.md', 'fine');
  await expect(read()).rejects.toThrow(`${join(folder, 'a.md')}: expected text in UTF-8`);
  const badLines = new BadLines();
  expect((await read(badLines)).map(({ id }) => id)).toEqual(['b.md']);
  expect(badLines.count).toBe(1);
  expect(badLines.first[0]!.message).toContain('a.md');
});

test('a folder that is not there is an error', async () => {
  await expect(readFolder(join(folder, 'nothing'), settings).next()).rejects.toThrow(NotFoundError);
});
