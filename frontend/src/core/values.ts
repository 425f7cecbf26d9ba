/** Parameter values as people type them. */

import type { ParameterDeclaration, Value } from './document';

/** The text of a value in a form field. */
export function formatValue(value: Value | undefined): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

export interface Parsed {
  value?: Value;
  error?: string;
}

/**
 * Read what was typed: empty means the default; a number, list or boolean where one is expected; any other
 * text is an expression, which the checker judges.
 */
export function parseValue(text: string, declaration: ParameterDeclaration): Parsed {
  const trimmed = text.trim();
  if (trimmed === '') return {};
  if (declaration.type === 'str' || declaration.type === 'block') return { value: trimmed };
  if (trimmed === 'true' || trimmed === 'false') return { value: trimmed === 'true' };
  const number = Number(trimmed);
  if (Number.isFinite(number)) return rangeChecked(number, declaration);
  if (trimmed.startsWith('[')) {
    try {
      return { value: JSON.parse(trimmed) as Value };
    } catch {
      return { value: trimmed };
    }
  }
  return { value: trimmed };
}

function rangeChecked(number: number, { type, min, max }: ParameterDeclaration): Parsed {
  if (type === 'int' && !Number.isInteger(number)) return { error: `${number} is not a whole number` };
  if (min !== undefined && number < min) return { error: `at least ${min}` };
  if (max !== undefined && number > max) return { error: `at most ${max}` };
  return { value: number };
}

/** "int · 1 … 64 · pixels": what may be entered. */
export function hint({ type, min, max, unit, choices }: ParameterDeclaration): string {
  const range = min !== undefined && max !== undefined ? `${min} … ${max}` : min !== undefined ? `≥ ${min}` : max !== undefined ? `≤ ${max}` : '';
  return [choices ? '' : type, range, unit ?? ''].filter(Boolean).join(' · ');
}

const SCALES: [number, string][] = [[1e12, 'T'], [1e9, 'G'], [1e6, 'M'], [1e3, 'k']];

/** 35746307 → "35.7 M". */
export function compact(value: number | undefined | null, unit = ''): string {
  if (value === undefined || value === null || !Number.isFinite(value)) return '–';
  const [scale, letter] = SCALES.find(([size]) => Math.abs(value) >= size) ?? [1, ''];
  const number = value / scale;
  const digits = scale === 1 ? String(Math.round(number * 100) / 100) : number.toPrecision(3);
  return `${digits}${letter || unit ? ' ' : ''}${letter}${unit}`;
}
