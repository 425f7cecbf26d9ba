/**
 * Stands for d3-transition and d3-interpolate (see vite.config.ts), by which d3-zoom would move the view smoothly
 * and which would be an eighth of the bundle. Here the view jumps: nothing is under way that could be interrupted,
 * and whatever moves is at its end at once.
 */

import { selection } from 'd3-selection';

export function interrupt(): void {}

const atEnd = <T>(_: T, end: T) => (): T => end;

export { atEnd as interpolate, atEnd as interpolateZoom };

Object.assign(selection.prototype, {
  interrupt<T>(this: T): T {
    return this;
  },
});
