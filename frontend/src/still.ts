/**
 * Stands for d3-transition (see vite.config.ts), which d3-zoom loads to move the view smoothly and which would be a
 * tenth of the bundle. Here the view jumps: nothing is ever under way, and there is nothing to interrupt.
 */

import { selection } from 'd3-selection';

export function interrupt(): void {}

Object.assign(selection.prototype, {
  interrupt<T>(this: T): T {
    return this;
  },
});
