import { parseMarkdown } from './markdown-sections.js';
import type { DocumentRecord } from './records.js';
import { packBlocks, type TokenCounter } from './split-text.js';

export interface ChunkSettings {
  /** Most tokens a chunk may have, its title and the newline included. Default 192, the length at which documents are embedded. */
  readonly maxTokens?: number;
  /** Counts the tokens of a text, with the tokenizer of the model that will embed it. */
  readonly countTokens: TokenCounter;
}

const DEFAULT_MAX_TOKENS = 192;

/** An image or font written into the text itself: often longer than the text, and nothing to search for. */
const EMBEDDED_DATA = /(data:[\w+.-]+\/[\w+.-]+;base64,)[A-Za-z0-9+/=]+/g;

/**
 * Cuts a Markdown text at its headings, and long sections into parts.
 *
 * - id: `path#heading-slug`, with the slug as GitHub makes it; what stands before the first heading has the path alone as
 *   its id. The second part of a section gets `~2` behind its id, and so on.
 * - title: the headings from the outermost to the section's own, joined by ` > `; the path where there is none. Outer
 *   headings are left out where the title would take more than half of the budget.
 * - metadata: `path`, and `line`, where the section starts.
 *
 * A heading with only headings below it gives no chunk of its own, but stands in their titles; one with nothing at all
 * below it is a text of its own.
 *
 * @param path of the file, with `/` on every system.
 */
export function chunkMarkdown(text: string, path: string, settings: ChunkSettings): DocumentRecord[] {
  const document = parseMarkdown(text.replace(EMBEDDED_DATA, '$1'));
  const slugs = new Map<string, number>();
  return document.sections.flatMap(({ headings, line, blocks }, index) => {
    // Also a section without text takes its slug: the next one of the same name has the number GitHub gives it.
    const isStart = index === 0 && headings.length === 0;
    const id = isStart ? path : `${path}#${uniqueSlug(headings.at(-1) ?? '', slugs)}`;
    const outer = document.title === undefined || headings[0] === document.title ? [] : [document.title];
    const isLeaf = (document.sections[index + 1]?.headings.length ?? 0) <= headings.length;
    if (blocks.length === 0 && isLeaf && headings.length > 0) {
      const text = [{ kind: 'text' as const, text: headings.at(-1)! }];
      return toRecords({ id, path, line, title: [...outer, ...headings.slice(0, -1)], blocks: text }, settings);
    }
    return toRecords({ id, path, line, title: [...outer, ...headings], blocks }, settings);
  });
}

/** Cuts a plain text at blank lines into parts within the budget; ids and title as `chunkMarkdown` before the first heading. */
export function chunkPlainText(text: string, path: string, settings: ChunkSettings): DocumentRecord[] {
  const blocks = text
    .replace(/^\ufeff/, '')
    .split(/(?:\r?\n[ \t]*){2,}/)
    .filter((block) => block.trim() !== '')
    .map((block) => ({ kind: 'text' as const, text: block.replaceAll('\r\n', '\n').trimEnd() }));
  return toRecords({ id: path, path, line: 1, title: [], blocks }, settings);
}

interface Chunk {
  id: string;
  path: string;
  line: number;
  title: readonly string[];
  blocks: Parameters<typeof packBlocks>[0];
}

function toRecords({ id, path, line, title: names, blocks }: Chunk, settings: ChunkSettings): DocumentRecord[] {
  const { maxTokens = DEFAULT_MAX_TOKENS, countTokens } = settings;
  const title = fittingTitle(names.length === 0 ? [path] : names, maxTokens / 2, countTokens);
  // Tokens of a text are not the sum of its parts' tokens: count them as they will be embedded. A title that is too
  // long even so must leave room for the text.
  const tooLong = countTokens(`${title}\n`) > maxTokens / 2;
  const texts = tooLong
    ? packBlocks(blocks, maxTokens / 2, countTokens)
    : packBlocks(blocks, maxTokens, (text) => countTokens(`${title}\n${text}`));
  return texts.map((text, index) => ({
    id: index === 0 ? id : `${id}~${index + 1}`,
    title,
    text,
    metadata: { path, line },
  }));
}

function fittingTitle(names: readonly string[], budget: number, countTokens: TokenCounter): string {
  const title = names.join(' > ');
  return names.length === 1 || countTokens(`${title}\n`) <= budget
    ? title
    : fittingTitle(names.slice(1), budget, countTokens);
}

/** GitHub's anchor of a heading: lower case, punctuation dropped, spaces to hyphens; `-1`, `-2` when it was there before. */
function uniqueSlug(heading: string, used: Map<string, number>): string {
  const slug = heading
    .toLowerCase()
    .replace(/[^\p{L}\p{M}\p{N}\p{Pc}\- ]/gu, '')
    .replaceAll(' ', '-');
  let unique = slug;
  let count = used.get(slug) ?? 0;
  while (used.has(unique)) unique = `${slug}-${++count}`;
  used.set(slug, count);
  used.set(unique, used.get(unique) ?? 0);
  return unique;
}
