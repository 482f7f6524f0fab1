import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

export interface ReportPage {
  readonly title: string;
  /** HTML of the body. Text from outside must have gone through {@link escapeHtml}. */
  readonly body: string;
  /** What the script reads, as the constant `data`. */
  readonly data: unknown;
  /** Draws the charts: plain JavaScript that finds `Plot`, `d3` and `data`. */
  readonly script: string;
  /** CSS beside the common one. */
  readonly styles?: string | undefined;
}

/** One HTML page with Observable Plot's charts, self-contained: it needs neither network nor other files. */
export async function reportPage({ title, body, data, script, styles = '' }: ReportPage): Promise<string> {
  // Both libraries drew this page when it was written, whatever is installed later.
  const libraries = await Promise.all([umd('d3', 'd3.min.js'), umd('@observablehq/plot', 'plot.umd.min.js')]);
  // A script ends at the first `</script`, wherever it stands.
  const json = JSON.stringify(data).replaceAll('<', '\\u003c');
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>
${COMMON_STYLES}
${styles}
</style>
${body}
${libraries.map((library) => `<script>${library}</script>`).join('\n')}
<script>
const data = ${json};
${script}
</script>
</html>
`;
}

export const escapeHtml = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

const COMMON_STYLES = `
body { font: 15px/1.5 system-ui, sans-serif; max-width: 960px; margin: 2rem auto; padding: 0 1rem; color: #222; background: #fff; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { padding: .25rem .75rem; border-bottom: 1px solid #ddd; text-align: left; vertical-align: top; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
figure { margin: 1.5rem 0; overflow-x: auto; }
details > summary { cursor: pointer; }
`;

async function umd(name: string, file: string): Promise<string> {
  const main = createRequire(import.meta.url).resolve(name);
  return readFile(join(dirname(main), '..', 'dist', file), 'utf8');
}
