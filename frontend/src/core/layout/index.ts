/** Where cards stand: positions that were saved, and automatic ones for the rest. */

import type { DesignDocument, Point } from '../document';
import type { View } from '../view';
import { columnLayout } from './column';
import { uLayout } from './ushape';

/** The automatic layout of a definition: a U for a U-Net, a column otherwise. */
export function autoLayout(document: DesignDocument, view: View): Map<string, Point> {
  return view.phases.isU ? uLayout(view, document.definitions[view.definition]!) : columnLayout(view);
}

/** Positions of all cards. A card without a saved one is placed beside its neighbours. */
export function positionsOf(document: DesignDocument, view: View): Map<string, Point> {
  const saved = document.layout?.[view.definition] ?? {};
  const has = (id: string): boolean => Array.isArray(saved[id]) && saved[id].length === 2;
  if (view.cards.every((card) => has(card.id))) return new Map(view.cards.map((card) => [card.id, saved[card.id]!]));
  const auto = autoLayout(document, view);
  const known = view.cards.filter((card) => has(card.id));
  if (known.length === 0) return auto;
  const shift = mean(known.map((card) => [saved[card.id]![0] - auto.get(card.id)![0], saved[card.id]![1] - auto.get(card.id)![1]]));
  return new Map(
    view.cards.map((card) => {
      const [x, y] = auto.get(card.id)!;
      return [card.id, has(card.id) ? saved[card.id]! : [x + shift[0], y + shift[1]]];
    }),
  );
}

function mean(points: Point[]): Point {
  const sum = points.reduce(([ax, ay], [bx, by]) => [ax + bx, ay + by] as const, [0, 0] as const);
  return [sum[0] / points.length, sum[1] / points.length];
}
