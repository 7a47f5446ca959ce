/** Between records and table rows: structured fields are JSON in columns whose names end in `_json`. */
import { StudioError } from '../../shared/errors';

export type Row = Record<string, unknown>;

/** @param json the record's structured fields */
export function toRow(record: object, json: readonly string[]): Row {
  const row: Row = {};
  for (const [key, value] of Object.entries(record)) {
    if (json.includes(key)) row[`${key}_json`] = JSON.stringify(value);
    else row[key] = typeof value === 'boolean' ? Number(value) : value;
  }
  return row;
}

/** The inverse, except that booleans stay 0 and 1: the caller knows which they are. */
export function fromRow(row: Row): Row {
  return Object.fromEntries(
    Object.entries(row).map(([key, value]) =>
      key.endsWith('_json') ? [key.slice(0, -'_json'.length), parseStored(value)] : [key, value],
    ),
  );
}

/** A stored value. SQLite does not see that bytes inside a text have changed. @throws StudioError `damaged` */
export function parseStored(text: unknown): unknown {
  try {
    return JSON.parse(text as string);
  } catch (cause) {
    const shown = JSON.stringify(String(text).slice(0, 40));
    throw new StudioError(
      'damaged',
      `The database holds a value that cannot be read (${shown}): restore studio.db from a copy, or move it away to begin with a new one.`,
      undefined,
      { cause },
    );
  }
}
