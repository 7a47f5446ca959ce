/** Grids in words, for those who do not see them. */
import { EMPTY, END, MARK_RIGHT, MARK_WRONG, STRANGE, type Cells } from './cells';
import { colourNames } from './palette';

const plural = (n: number, one: string, many = `${one}s`): string => `${n} ${n === 1 ? one : many}`;

const MAZE_NAMES = ['', 'wall', 'free', 'start', 'goal', 'path'] as const;

/** "10 by 10 grid, 14 cells of colour 2": the shape, then the colours other than the background, most frequent first. */
export function describeCells(
  cells: Cells,
  options: { given?: Uint8Array | null; marks?: Uint8Array | null } = {},
): string {
  const size = `${cells.rows} by ${cells.columns}`;
  const parts: string[] = [];
  const counts = new Map<number, number>();
  for (const value of cells.values) counts.set(value, (counts.get(value) ?? 0) + 1);
  const of = (value: number): number => counts.get(value) ?? 0;

  if (cells.kind === 'sudoku') {
    const digits = cells.values.reduce((n, v) => n + (v >= 1 && v <= 9 ? 1 : 0), 0);
    const given = options.given ? options.given.reduce((n, v) => n + v, 0) : digits;
    parts.push(`${size} Sudoku`, plural(given, 'given'));
    if (options.given) parts.push(`${Math.max(0, digits - given)} filled`);
    parts.push(`${cells.values.length - digits} blank`);
  } else if (cells.kind === 'maze') {
    parts.push(`${size} maze`, plural(of(1), 'wall cell'), plural(of(5), 'path cell'));
  } else {
    parts.push(`${size} grid`);
    const colours = [...counts]
      .filter(([value]) => value >= 1 && value <= 9)
      .sort((a, b) => b[1] - a[1] || a[0] - b[0]);
    for (const [colour, n] of colours) parts.push(`${plural(n, 'cell')} of colour ${colour}`);
    if (!colours.length && of(0)) parts.push('all of colour 0');
    if (of(EMPTY) + of(END)) parts.push(`${of(EMPTY) + of(END)} empty`);
  }
  if (options.marks) {
    const right = options.marks.reduce((n, m) => n + (m === MARK_RIGHT ? 1 : 0), 0);
    const wrong = options.marks.reduce((n, m) => n + (m === MARK_WRONG ? 1 : 0), 0);
    const marked = options.marks.reduce((n, m) => n + (m ? 1 : 0), 0);
    if (marked)
      parts.push(`${plural(marked, 'marked cell')}${right || wrong ? `: ${right} right, ${wrong} wrong` : ''}`);
  }
  return parts.join(', ');
}

/** One cell, for the read-out under the pointer: "row 3, column 5: colour 2 (red)". */
export function describeCell(cells: Cells, row: number, column: number): string {
  const value = cells.values[row * cells.columns + column];
  const place = `row ${row + 1}, column ${column + 1}`;
  if (value === EMPTY) return `${place}: nothing`;
  if (value === END) return `${place}: end mark`;
  if (value === STRANGE) return `${place}: no such token`;
  if (cells.kind === 'sudoku') return `${place}: ${value === 0 ? 'blank' : value}`;
  if (cells.kind === 'maze') return `${place}: ${MAZE_NAMES[value] ?? 'nothing'}`;
  return `${place}: colour ${value} (${colourNames[value]})`;
}
