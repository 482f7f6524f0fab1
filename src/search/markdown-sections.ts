/** A paragraph, list, table or the like, or a fenced code block with its fences. */
export interface Block {
  readonly kind: 'text' | 'code';
  readonly text: string;
}

/** What stands between one heading and the next. */
export interface Section {
  /** Titles of the heading and of those above it, outermost first; empty before the first heading. */
  readonly headings: readonly string[];
  /** Line of the heading, or of the first block where there is none; from 1. */
  readonly line: number;
  readonly blocks: readonly Block[];
}

export interface MarkdownDocument {
  /** `title` of the front matter, where there is one. */
  readonly title: string | undefined;
  readonly sections: readonly Section[];
}

const ATX_HEADING = /^ {0,3}(#{1,6})(?=[ \t]|$)(.*)$/;
const SETEXT_UNDERLINE = /^ {0,3}(=+|-+)[ \t]*$/;
const FENCE = /^ {0,3}(`{3,}(?=[^`]*$)|~{3,})/;
/** Lists, quotes and tables: a line of dashes below them is no underline of a heading. */
const NO_HEADING_TEXT = /^ {0,3}(?:[-*+>|]|\d+[.)])|^(?: {4}|\t)/;

/**
 * Cuts a Markdown text at its headings, and each section into blocks at blank lines.
 *
 * Knows what matters for that: ATX and setext headings, fenced code (where `#` is no heading), front matter. Headings
 * inside lists and quotes are left as text.
 */
export function parseMarkdown(text: string): MarkdownDocument {
  const lines = text.replace(/^\ufeff/, '').split(/\r?\n/);
  const { title, length: frontMatterLength } = readFrontMatter(lines);
  const sections: { headings: string[]; line: number; blocks: Block[] }[] = [];
  const path: { level: number; title: string }[] = [];
  let section: (typeof sections)[number] | undefined;
  let paragraph: string[] = [];
  let paragraphLine = 0;

  const add = (kind: Block['kind'], blockLines: readonly string[], line: number) => {
    section ??= { headings: [], line, blocks: [] };
    if (sections.at(-1) !== section) sections.push(section);
    section.blocks.push({ kind, text: blockLines.join('\n') });
  };
  const endParagraph = () => {
    if (paragraph.length > 0) add('text', paragraph, paragraphLine);
    paragraph = [];
  };
  const startSection = (level: number, heading: string, line: number) => {
    while (path.length > 0 && path.at(-1)!.level >= level) path.pop();
    path.push({ level, title: plainText(heading) });
    section = { headings: path.map(({ title }) => title).filter((title) => title !== ''), line, blocks: [] };
    sections.push(section);
  };

  for (let index = frontMatterLength; index < lines.length; index++) {
    const line = lines[index]!;
    const fence = FENCE.exec(line)?.[1];
    const heading = ATX_HEADING.exec(line);
    const underline = SETEXT_UNDERLINE.exec(line)?.[1];
    if (fence) {
      endParagraph();
      const end = endOfFence(lines, index, fence);
      add('code', lines.slice(index, end + 1), index + 1);
      index = end;
    } else if (heading) {
      endParagraph();
      startSection(heading[1]!.length, heading[2]!.trim().replace(/(?:^|[ \t])#+$/, ''), index + 1);
    } else if (underline && paragraph.length > 0 && !NO_HEADING_TEXT.test(paragraph[0]!)) {
      const heading = paragraph.join(' ');
      paragraph = [];
      startSection(underline[0] === '=' ? 1 : 2, heading, paragraphLine);
    } else if (line.trim() === '') {
      endParagraph();
    } else {
      if (paragraph.length === 0) paragraphLine = index + 1;
      paragraph.push(line.trimEnd());
    }
  }
  endParagraph();
  return { title, sections };
}

/** Index of the line that closes a fence: as many signs or more, of the same kind; else the last line of the text. */
function endOfFence(lines: readonly string[], start: number, fence: string): number {
  const closing = new RegExp(`^ {0,3}${fence[0]}{${fence.length},}[ \\t]*$`);
  const end = lines.findIndex((line, index) => index > start && closing.test(line));
  return end < 0 ? lines.length - 1 : end;
}

/** The title in a YAML front matter, and how many lines the front matter has. */
function readFrontMatter(lines: readonly string[]): { title: string | undefined; length: number } {
  if (lines[0] !== '---') return { title: undefined, length: 0 };
  const end = lines.findIndex((line, index) => index > 0 && /^(?:---|\.\.\.)\s*$/.test(line));
  if (end < 0) return { title: undefined, length: 0 };
  const title = lines
    .slice(1, end)
    .map((line) => /^title:\s*(["']?)(.+?)\1\s*$/.exec(line)?.[2])
    .find((found) => found !== undefined);
  return { title, length: end + 1 };
}

/** A heading without its inline markup, own id and tags. */
function plainText(heading: string): string {
  return heading
    .replace(/\s*\{#[^}]*\}\s*$/, '')
    .replace(/!?\[([^\]]*)\](?:\([^)]*\)|\[[^\]]*\])/g, '$1')
    .replace(/<\/?[a-zA-Z][^>]*>/g, '')
    .replace(/(\*\*|__|`)(.+?)\1/g, '$2')
    .trim();
}
