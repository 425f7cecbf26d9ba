import { expect, test } from 'vitest';
import { colourAt, colourOf, position, range, short } from '../src/core/stability';

test('one is neutral, factors of a hundred are the ends, zeros have no place', () => {
  expect(position(1)).toBe(0);
  expect(position(100)).toBe(1);
  expect(position(1e-9)).toBe(-1);
  expect(position(10)).toBeCloseTo(0.5);
  expect(position(0)).toBeNull();
});

test('the colours lead from blue over neutral to orange; zeros are hatched', () => {
  expect(colourAt(-1)).toContain('--heat-low) 100%');
  expect(colourOf(1)).toContain(' 0%');
  expect(colourOf(100)).toContain('--heat-high) 100%');
  expect(colourOf(0)).toContain('repeating-linear-gradient');
});

test('values are short, and a range is shown where calls differ', () => {
  expect([0, 0.01234, 12.34, 123.4, 12340, 1e-5].map(short)).toEqual(['0', '0.012', '12', '123', '1.2e4', '1.0e-5']);
  expect(short(null)).toBe('∞');
  expect(range({ rms: 0.5, low: 0.5, high: 0.5 })).toBe('0.5');
  expect(range({ rms: 0.5, low: 0.1, high: 0.9 })).toBe('0.5 (0.1 … 0.9)');
});
