/** Fixes in words: what each operation of an offered fix changes, for the preview. */

import type { Fix } from './annotations';
import { formatValue } from './values';
import type { Value } from './document';

type Operation = Record<string, unknown>;

const WORDS: Record<string, (one: Operation) => string> = {
  set: (one) => (one['value'] === null ? `${node(one)}: ${String(one['param'])} back to its default` : `${node(one)}: ${String(one['param'])} = ${formatValue(one['value'] as Value)}`),
  add: (one) => `new node ${node(one)}: ${String(one['call'])}${values(one)}`,
  call: (one) => `${node(one)} becomes ${String(one['call'])}${values(one)}`,
  checkpoint: (one) => `${node(one)}: ${one['value'] === true ? 'compute again in backward' : 'keep activations for backward'}`,
  remove: (one) => `delete ${node(one)}`,
  connect: (one) => `connect ${String(one['source'])} → ${String(one['target'])}`,
  disconnect: (one) => `disconnect ${String(one['target'])}`,
  output: (one) => `output ${String(one['port'])} from ${String(one['source'])}`,
  parameter: (one) => `${String(one['name'])} = ${formatValue(one['value'] as Value)}`,
  training: (one) => `training: ${String(one['name'])} = ${formatValue(one['value'] as Value)}`,
};

const node = (one: Operation): string => `${String(one['definition'])}/${String(one['node'])}`;

function values(one: Operation): string {
  const given = Object.entries((one['params'] ?? {}) as Record<string, Value>);
  return given.length > 0 ? ` (${given.map(([name, value]) => `${name} = ${formatValue(value)}`).join(', ')})` : '';
}

/** One line an operation. */
export function previewOf(fix: Fix): string[] {
  return fix.operations.map((one) => WORDS[String(one['op'])]?.(one) ?? String(one['op']));
}
