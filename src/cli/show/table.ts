// Cells in columns. Pure.

/** @returns the cells of the heading and of each row, filled up to the width of the column; numbers are aligned at the right */
export function aligned(
  columns: readonly string[],
  right: ReadonlySet<string>,
  rows: readonly (readonly string[])[],
): string[][] {
  const widths = columns.map((column, i) => Math.max(column.length, ...rows.map((cells) => cells[i]!.length)));
  return [columns, ...rows].map((cells) =>
    cells.map((cell, i) => (right.has(columns[i]!) ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!))),
  );
}
