import { escapeHtml } from '../../report-page.js';

/** An HTML table; the first columns hold texts, the others numbers. */
export function table(head: readonly string[], rows: readonly (readonly string[])[], texts: number): string {
  const cell = (tag: string) => (text: string, column: number) =>
    `<${tag}${column < texts ? '' : ' class="number"'}>${escapeHtml(text)}</${tag}>`;
  const lines = rows.map((row) => `<tr>${row.map(cell('td')).join('')}</tr>`);
  return `<table>\n<tr>${head.map(cell('th')).join('')}</tr>\n${lines.join('\n')}\n</table>`;
}
