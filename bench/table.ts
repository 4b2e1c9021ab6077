// Rows of text as a Markdown table that can also be read as plain text.

export interface Column<Row> {
  readonly head: string;
  readonly align: 'left' | 'right';
  readonly cell: (row: Row) => string;
}

export function markdownTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const cells = rows.map((row) => columns.map(({ cell }) => cell(row)));
  const widths = columns.map(({ head }, index) => Math.max(3, head.length, ...cells.map((line) => line[index]!.length)));
  const line = (texts: readonly string[]): string =>
    `| ${texts.map((text, index) => pad(text, widths[index]!, columns[index]!.align)).join(' | ')} |`;
  const rule = columns.map(({ align }, index) => '-'.repeat(widths[index]! - 1) + (align === 'right' ? ':' : '-'));
  return [line(columns.map(({ head }) => head)), line(rule), ...cells.map(line)].join('\n');
}

function pad(text: string, width: number, align: 'left' | 'right'): string {
  return align === 'right' ? text.padStart(width) : text.padEnd(width);
}
