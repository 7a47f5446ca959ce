/**
 * The number under `schema` in what a file says of itself, or null where it names none: then the file is damaged, not of a
 * later version.
 */
export function schemaVersion(described: unknown): number | null {
  if (typeof described !== 'object' || described === null) return null;
  const { schema } = described as { schema?: unknown };
  return typeof schema === 'number' && Number.isInteger(schema) && schema > 0 ? schema : null;
}
