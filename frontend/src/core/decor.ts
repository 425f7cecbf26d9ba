/** What is drawn on a definition and means nothing: frames, notes, pinned and folded cards. Kept in its layout. */

import type { DesignDocument, Point } from './document';
import { uniqueName } from './document';

/** A titled area behind the cards, or a note between them. */
export interface Box {
  kind: 'frame' | 'note';
  text: string;
  at: Point;
  size: Point;
}

export interface Decor {
  boxes: Readonly<Record<string, Box>>;
  /** Cards that neither the mouse nor the automatic layout moves. */
  pinned: readonly string[];
  /** Cards drawn as their name alone. */
  folded: readonly string[];
}

const KEY = '@decor';
const NONE: Decor = { boxes: {}, pinned: [], folded: [] };

export const boxId = (name: string): string => `@box.${name}`;
export const isBoxId = (id: string): boolean => id.startsWith('@box.');

/** What is drawn on `definition`; whatever else stands there in a file is left out. */
export function decorOf(document: DesignDocument, definition: string): Decor {
  const found = document.layout?.[definition]?.[KEY] as unknown as Partial<Decor> | undefined;
  if (!found || typeof found !== 'object') return NONE;
  const names = (value: unknown): string[] => (Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : []);
  const boxes = Object.entries(found.boxes ?? {}).filter(([, box]) => isPair(box?.at) && isPair(box.size));
  return { boxes: Object.fromEntries(boxes), pinned: names(found.pinned), folded: names(found.folded) };
}

const isPair = (value: unknown): boolean => Array.isArray(value) && value.length === 2 && value.every((one) => typeof one === 'number');

/** The document with other decor; none at all leaves no trace. */
export function withDecor(document: DesignDocument, definition: string, change: Partial<Decor>): DesignDocument {
  const next = { ...decorOf(document, definition), ...change };
  const { [KEY]: _, ...points } = document.layout?.[definition] ?? {};
  const kept = Object.fromEntries(Object.entries(next).filter(([, value]) => Object.keys(value as object).length > 0));
  const layout = Object.keys(kept).length > 0 ? { ...points, [KEY]: kept as unknown as Point } : points;
  return { ...document, layout: { ...document.layout, [definition]: layout } };
}

/** Draw a frame or note; returns its name. */
export function addBox(document: DesignDocument, definition: string, box: Box): { document: DesignDocument; name: string } {
  const { boxes } = decorOf(document, definition);
  const name = uniqueName(box.kind, (one) => Object.hasOwn(boxes, one));
  return { document: withDecor(document, definition, { boxes: { ...boxes, [name]: rounded(box) } }), name };
}

const rounded = (box: Box): Box => ({ ...box, at: [Math.round(box.at[0]), Math.round(box.at[1])], size: [Math.round(box.size[0]), Math.round(box.size[1])] });

/** Change boxes by name; one that becomes null goes. */
export function changeBoxes(document: DesignDocument, definition: string, changes: Record<string, Partial<Box> | null>): DesignDocument {
  const { boxes } = decorOf(document, definition);
  const touched = Object.entries(changes).filter(([name]) => Object.hasOwn(boxes, name));
  if (touched.length === 0) return document;
  const next = { ...boxes };
  for (const [name, change] of touched) {
    if (change === null) delete next[name];
    else next[name] = rounded({ ...next[name]!, ...change });
  }
  return withDecor(document, definition, { boxes: next });
}

/** Pin or fold cards; when all of them are, the other way round. */
export function toggleMarks(document: DesignDocument, definition: string, kind: 'pinned' | 'folded', ids: string[]): DesignDocument {
  const before = decorOf(document, definition)[kind];
  if (ids.length === 0) return document;
  const all = ids.every((id) => before.includes(id));
  const next = all ? before.filter((id) => !ids.includes(id)) : [...before, ...ids.filter((id) => !before.includes(id))];
  return withDecor(document, definition, { [kind]: next });
}

/** Let pins and folds follow cards that got other names, or undefined when they went. */
export function renameMarks(document: DesignDocument, definition: string, name: (id: string) => string | undefined): DesignDocument {
  const decor = decorOf(document, definition);
  const moved = (ids: readonly string[]): string[] => ids.flatMap((id) => name(id) ?? []);
  const [pinned, folded] = [moved(decor.pinned), moved(decor.folded)];
  const same = pinned.join() === decor.pinned.join() && folded.join() === decor.folded.join();
  return same ? document : withDecor(document, definition, { pinned, folded });
}

/** The cards whose middle lies in a box: what a frame takes along. */
export function inside(box: Box, cards: Iterable<{ id: string; at: Point; size: Point }>): string[] {
  const within = (middle: number, axis: 0 | 1): boolean => middle >= box.at[axis] && middle <= box.at[axis] + box.size[axis];
  return [...cards].filter(({ at, size }) => within(at[0] + size[0] / 2, 0) && within(at[1] + size[1] / 2, 1)).map((card) => card.id);
}
