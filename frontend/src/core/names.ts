/** Names in expressions of the design's small language: which are read, and what they become when given values. */

import type { NodeCall, ParameterDeclaration, Value } from './document';

const TOKEN = /'[^']*'|"[^"]*"|[A-Za-z_]\w*(?!\w*\s*\()/g;
const KEYWORDS = new Set(['and', 'or', 'not', 'if', 'else', 'in', 'True', 'False', 'None']);
/** Index and count, which a repeated call gives its own parameters. */
export const LOOP = new Set(['i', 'L']);

const isText = (token: string): boolean => token.startsWith("'") || token.startsWith('"');

/** The names that an expression reads. */
export function namesIn(expression: string): string[] {
  return (expression.match(TOKEN) ?? []).filter((token) => !isText(token) && !KEYWORDS.has(token));
}

/** The expression in a parameter's value, or undefined where the value stands for itself. */
export function expressionOf(value: Value | undefined, type: ParameterDeclaration['type'] | undefined): string | undefined {
  if (typeof value !== 'string') return undefined;
  if (value.startsWith('=')) return value.slice(1);
  return type === 'str' || type === 'block' ? undefined : value;
}

/** How a call passes on a parameter of the definition around it, by its name. */
export const reference = (name: string, type: ParameterDeclaration['type']): string => (type === 'str' || type === 'block' ? `=${name}` : name);

/** Every expression of a call: its parameters, repeat, condition and socket. */
export function expressionsOf(node: NodeCall, types: ReadonlyMap<string, ParameterDeclaration['type']>): string[] {
  const given = Object.entries(node.params ?? {}).flatMap(([name, value]) => expressionOf(value, types.get(name)) ?? []);
  const around = [node.repeat, node.when].filter((text): text is string => typeof text === 'string');
  return [...given, ...around, ...(node.call.startsWith('=') ? [node.call.slice(1)] : [])];
}

/** What a name stands for: a value, or an expression. */
export type Meaning = { value: Value } | { expression: string };

/** An expression with names replaced; a lone name becomes its value. */
export function substitute(expression: string, meanings: ReadonlyMap<string, Meaning>): Meaning {
  const alone = meanings.get(expression.trim());
  if (alone) return alone;
  const text = expression.replace(TOKEN, (token) => {
    const meaning = isText(token) ? undefined : meanings.get(token);
    return meaning ? operand(meaning) : token;
  });
  return { expression: text };
}

function operand(meaning: Meaning): string {
  if ('value' in meaning) return literal(meaning.value);
  return /^[\w.]+$/.test(meaning.expression) ? meaning.expression : `(${meaning.expression})`;
}

function literal(value: Value): string {
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'string') return `'${value}'`;
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`;
  return value < 0 ? `(${value})` : String(value);
}
