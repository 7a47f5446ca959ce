import type { ConfigField } from '@shared/config-fields';
import { formatValue } from '../ui/format';

/** A value as the text of its control. */
export function toText(field: ConfigField, value: unknown): string {
  if (value === null || value === undefined) return '';
  if (field.type === 'list') {
    if (!Array.isArray(value)) return String(value);
    return value.map((item) => (typeof item === 'string' ? item : ((item as { name?: string }).name ?? ''))).join(', ');
  }
  if (typeof value === 'number') {
    const size = Math.abs(value);
    return size !== 0 && size < 1e-3 ? value.toExponential().replace('e+', 'e') : String(value);
  }
  return String(value);
}

const NUMBER = /^[+-]?(\d[\d,_]*\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/**
 * What the text means. Text that is no number stays text, so that the check refuses it with the sentence that shows it;
 * nothing is rounded or clamped. `31,208` and `31_208` are numbers.
 */
export function fromText(field: ConfigField, text: string): unknown {
  const trimmed = text.trim();
  if (trimmed === '' && field.nullable) return null;
  // A literal such as no_ACT_continue is a choice of one, but not of text.
  const type = typeof field.default === 'boolean' ? 'boolean' : field.type;
  switch (type) {
    case 'integer':
    case 'number':
      return NUMBER.test(trimmed) ? Number(trimmed.replace(/[,_]/g, '')) : trimmed;
    case 'boolean':
      return trimmed === 'true' ? true : trimmed === 'false' ? false : trimmed;
    case 'list': {
      const items = trimmed
        .split(',')
        .map((item) => item.trim())
        .filter(Boolean);
      return field.path === 'evaluators' ? items.map((name) => ({ name })) : items;
    }
    default:
      return trimmed;
  }
}

/** `1 to 64 ACT steps`, `0.05 to 1`, or null where any text will do. */
export function rangeText(field: ConfigField): string | null {
  if (field.type !== 'integer' && field.type !== 'number') return field.unit ?? null;
  const unit = field.unit ? ` ${field.unit}` : '';
  return `${formatValue(field.min)} to ${formatValue(field.max)}${unit}`;
}
