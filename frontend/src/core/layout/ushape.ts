/** A U-Net as a U: levels as rows, the encoder going down on the left, the decoder going up on the right. */

import type { Definition, Point } from '../document';
import { successors, topological } from '../graph';
import type { Card, View } from '../view';
import { columnLayout } from './column';

const GAP = { card: 26, row: 54, side: 84 };
const ARMS = 250;

/** Positions (top left corner) of all cards of a definition drawn as a U. */
export function uLayout(view: View, definition: Definition): Map<string, Point> {
  const order = new Map(topological(Object.keys(definition.nodes), successors(definition)).map((name, index) => [name, index]));
  const sorted = [...view.cards].sort((a, b) => (order.get(a.id) ?? (a.kind === 'input' ? -1 : 1e9)) - (order.get(b.id) ?? (b.kind === 'input' ? -1 : 1e9)));
  const side = sideCards(view);
  const inU = sorted.filter((card) => !side.has(card.id));
  const level = (card: Card): number | undefined => view.phases.level(card.id);
  const left = inU.filter((card) => card.phase === 'down');
  const right = inU.filter((card) => card.phase === 'up');
  const middle = inU.filter((card) => card.phase === 'mid');
  const rows = [...new Set(inU.map(level).filter((one) => one !== undefined))].sort((a, b) => a - b);

  const width = Math.max(...inU.map((card) => card.width));
  const middleWidth = middle.reduce((sum, card) => sum + card.width + GAP.side, GAP.side);
  const rightX = width + Math.max(ARMS, middleWidth);
  const placed = new Map<string, Point>();
  const stack = (cards: Card[], x: number, y: number): void => {
    for (const card of cards) {
      placed.set(card.id, [x + (width - card.width) / 2, y]);
      y += card.height + GAP.card;
    }
  };
  const height = (cards: Card[]): number => cards.reduce((sum, card) => sum + card.height + GAP.card, -GAP.card);

  const before = left.filter((card) => level(card) === undefined);
  const after = right.filter((card) => level(card) === undefined).reverse();
  const head = Math.max(height(before), height(after), 0);
  stack(before, 0, head - height(before));
  stack(after, rightX, head - height(after));
  let y = head + GAP.row;
  for (const row of rows) {
    const encoder = left.filter((card) => level(card) === row);
    const decoder = right.filter((card) => level(card) === row).reverse();
    const rowHeight = Math.max(height(encoder), height(decoder));
    stack(encoder, 0, y + (rowHeight - height(encoder)) / 2);
    stack(decoder, rightX, y + (rowHeight - height(decoder)) / 2);
    y += rowHeight + GAP.row;
  }
  placeMiddle(middle, placed, width, rightX, y);
  placeSide(view, side, placed);
  return placed;
}

function placeMiddle(cards: Card[], placed: Map<string, Point>, armWidth: number, rightX: number, y: number): void {
  const total = cards.reduce((sum, card) => sum + card.width, 0);
  const gap = (rightX - armWidth - total) / (cards.length + 1);
  let x = armWidth + gap;
  for (const card of cards) {
    placed.set(card.id, [x, y]);
    x += card.width + gap;
  }
}

/** Cards with no path of lines into the U: the timestep embedding, which reaches it by taps. */
function sideCards(view: View): Set<string> {
  const linked = new Set(view.cards.filter((card) => view.phases.level(card.id) !== undefined || card.phase !== 'down').map((card) => card.id));
  const wires = view.wires.filter((wire) => !wire.tap);
  for (let grew = true; grew; ) {
    grew = false;
    for (const wire of wires) {
      if (linked.has(wire.source) !== linked.has(wire.target)) {
        linked.add(wire.source).add(wire.target);
        grew = true;
      }
    }
  }
  return new Set(view.cards.filter((card) => !linked.has(card.id)).map((card) => card.id));
}

function placeSide(view: View, side: Set<string>, placed: Map<string, Point>): void {
  const cards = view.cards.filter((card) => side.has(card.id));
  if (cards.length === 0) return;
  const positions = columnLayout({ cards, wires: view.wires.filter((wire) => side.has(wire.source) && side.has(wire.target)) });
  const width = Math.max(...cards.map((card) => positions.get(card.id)![0] + card.width));
  for (const [id, [x, y]] of positions) placed.set(id, [x - width - GAP.side, y]);
}
