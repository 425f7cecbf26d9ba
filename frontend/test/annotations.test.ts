import { expect, test } from 'vitest';
import { firstPlaces, type Diagnostic, type Severity } from '../src/core/annotations';

const at = (code: string, severity: Severity, node: number): Diagnostic => ({ code, severity, node: `Net/node_${node}`, port: '', message: code });

test('every error is listed, each advice at its first places, in order', () => {
  const errors = [1, 2, 3, 4, 5].map((node) => at('S001', 'error', node));
  const advice = [1, 2, 3, 4, 5].map((node) => at('A015', 'warning', node));
  const other = at('A030', 'warning', 9);
  expect(firstPlaces([...errors, ...advice, other])).toEqual([...errors, ...advice.slice(0, 3), other]);
});
