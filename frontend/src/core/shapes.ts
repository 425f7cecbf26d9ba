/** Shapes that Python inferred, looked up for a wire of the view and written for people. */

import type { Wire } from './view';

/** The shape that travels on `wire`; Python names it "Definition/source->target". */
export function shapeOf(shapes: Record<string, string>, definition: string, wire: Pick<Wire, 'from' | 'to'>): string | undefined {
  const shape = shapes[`${definition}/${wire.from}->${wire.to.replace(/^@/, '')}`];
  return shape === undefined ? undefined : readable(shape);
}

/** "B 256 2*(H//8) 2*(W//8)" → "B 256 H/4 W/4": sizes divide evenly wherever the certificate holds. */
export function readable(shape: string): string {
  return together(shape)
    .replace(/(\d+)\*\((\w+)\/\/(\d+)\)/g, (whole, times: string, name: string, by: string) => fraction(Number(times), name, Number(by)) ?? whole)
    .replaceAll('//', '/')
    .replaceAll('*', '·');
}

/** "1 × [A] + 2 × [A]" → "3 × [A]": a stack of equal shapes. */
function together(shape: string): string {
  const parts = [...shape.matchAll(/(\d+) × \[([^\]]*)\]/g)];
  if (parts.length < 2 || parts.some((part) => part[2] !== parts[0]![2])) return shape;
  return `${parts.reduce((sum, part) => sum + Number(part[1]), 0)} × [${parts[0]![2]}]`;
}

function fraction(times: number, name: string, by: number): string | undefined {
  if (by % times === 0) return by === times ? name : `${name}/${by / times}`;
  return times % by === 0 ? `${times / by}·${name}` : undefined;
}
