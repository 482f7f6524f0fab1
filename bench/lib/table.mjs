/**
 * A plain aligned table: numbers to the right, everything else to the left. Pure.
 *
 * @param {readonly string[]} header
 * @param {readonly (readonly (string | number | null)[])[]} rows one cell per column; null shows as `-`
 * @returns {string} lines without trailing spaces
 */
export function table(header, rows) {
  const cells = [header, ...rows.map((cellsOfRow) => cellsOfRow.map((cell) => (cell === null ? '-' : String(cell))))];
  const widths = header.map((_, column) => Math.max(...cells.map((line) => (line[column] ?? '').length)));
  const numeric = header.map((_, column) => {
    const present = rows.map((line) => line[column]).filter((cell) => cell !== null);
    return present.length > 0 && present.every((cell) => typeof cell === 'number');
  });
  const line = (/** @type {readonly string[]} */ texts) =>
    texts
      .map((text, column) => (numeric[column] ? text.padStart(widths[column] ?? 0) : text.padEnd(widths[column] ?? 0)))
      .join('  ')
      .trimEnd();
  return [line(cells[0] ?? []), line(widths.map((width) => '-'.repeat(width))), ...cells.slice(1).map(line)].join('\n');
}
