/** Paths of wires: straight where the way is free, around the cards in a channel where it is not. */

import type { Point } from './document';
import type { Card, Side, View } from './view';

const MARGIN = 10;
const CLEARANCE = 22;
const LANE = 9;

interface Box {
  left: number;
  right: number;
  top: number;
  bottom: number;
}

/** For each downward (or upward) wire that cards block: the x of the channel in which it passes them. */
export function channelsOf(view: View, positions: Map<string, Point>): Map<string, number> {
  const boxes = view.cards.map((card) => ({ id: card.id, ...boxOf(card, positions) }));
  const cards = new Map(view.cards.map((card) => [card.id, card]));
  const channels = new Map<string, number>();
  const used: number[] = [];
  for (const wire of view.wires) {
    if (wire.tap) continue;
    const from = anchor(cards.get(wire.source)!, wire.sourceHandle, 'out', positions);
    const to = anchor(cards.get(wire.target)!, wire.targetHandle, 'in', positions);
    if (!from || !to || !vertical(from.side, to.side)) continue;
    const others = boxes.filter((box) => box.id !== wire.source && box.id !== wire.target);
    const channel = channelFor(from.at, to.at, others);
    if (channel === undefined) continue;
    const lanes = used.filter((x) => Math.abs(x - channel) < LANE / 2).length;
    used.push(channel);
    channels.set(wire.id, channel + (channel >= (from.at[0] + to.at[0]) / 2 ? 1 : -1) * lanes * LANE);
  }
  return channels;
}

function boxOf(card: Card, positions: Map<string, Point>): Box {
  const [x, y] = positions.get(card.id)!;
  return { left: x, right: x + card.width, top: y, bottom: y + card.height };
}

function anchor(card: Card, handle: string, direction: 'in' | 'out', positions: Map<string, Point>): { at: Point; side: Side } | undefined {
  const port = card.ports.find((one) => one.handle === handle && one.direction === direction);
  if (!port) return undefined;
  const box = boxOf(card, positions);
  const x = port.side === 'left' ? box.left : port.side === 'right' ? box.right : box.left + port.at * card.width;
  const y = port.side === 'top' ? box.top : port.side === 'bottom' ? box.bottom : box.top + port.at * card.height;
  return { at: [x, y], side: port.side };
}

const vertical = (a: Side, b: Side): boolean => (a === 'bottom' && b === 'top') || (a === 'top' && b === 'bottom');

function channelFor(from: Point, to: Point, boxes: Box[]): number | undefined {
  const top = Math.min(from[1], to[1]);
  const bottom = Math.max(from[1], to[1]);
  const between = boxes.filter((box) => box.bottom > top + 4 && box.top < bottom - 4);
  const at = (y: number): number => from[0] + ((to[0] - from[0]) * (y - from[1])) / (to[1] - from[1] || 1);
  const blocking = between.filter((box) => {
    const xs = [at(Math.max(top, box.top)), at(Math.min(bottom, box.bottom))];
    return Math.max(...xs) > box.left - MARGIN && Math.min(...xs) < box.right + MARGIN;
  });
  if (blocking.length === 0) return undefined;
  const left = clear(Math.min(...blocking.map((box) => box.left)) - CLEARANCE, between, -1);
  const right = clear(Math.max(...blocking.map((box) => box.right)) + CLEARANCE, between, 1);
  const middle = (from[0] + to[0]) / 2;
  return Math.abs(left - middle) < Math.abs(right - middle) ? left : right;
}

/** Move `x` outwards until no card stands on it. */
function clear(x: number, boxes: Box[], direction: 1 | -1): number {
  for (;;) {
    const hit = boxes.find((box) => x > box.left - MARGIN && x < box.right + MARGIN);
    if (!hit) return x;
    x = direction > 0 ? hit.right + CLEARANCE : hit.left - CLEARANCE;
  }
}

/** Where a label stands: beside the end of the line, where lines of one source have parted. */
export interface Label {
  at: Point;
  anchor: 'start' | 'middle' | 'end';
}

export interface Path {
  d: string;
  label: Label;
}

/** An SVG path from one port to another, through a channel when given. */
export function pathOf(from: Point, fromSide: Side, to: Point, toSide: Side, labelLeft: boolean, channel?: number): Path {
  const label = labelAt(from, fromSide, to, toSide, labelLeft);
  if (channel !== undefined) return { d: throughChannel(from, to, channel), label };
  const reach = Math.max(18, Math.min(90, distance(from, to) * 0.4));
  const [ax, ay] = outward(from, fromSide, reach);
  const [bx, by] = outward(to, toSide, reach);
  return { d: `M${from[0]},${from[1]} C${ax},${ay} ${bx},${by} ${to[0]},${to[1]}`, label };
}

function labelAt(from: Point, fromSide: Side, to: Point, toSide: Side, left: boolean): Label {
  if (toSide === 'top' || toSide === 'bottom') {
    const y = toSide === 'top' ? to[1] - 14 : to[1] + 16;
    return left ? { at: [to[0] - 7, y], anchor: 'end' } : { at: [to[0] + 7, y], anchor: 'start' };
  }
  const straight = (fromSide === 'left' || fromSide === 'right') && Math.abs(from[1] - to[1]) < 60;
  if (straight) return { at: [(from[0] + to[0]) / 2, (from[1] + to[1]) / 2 - 9], anchor: 'middle' };
  return toSide === 'left' ? { at: [to[0] - 10, to[1] - 10], anchor: 'end' } : { at: [to[0] + 10, to[1] - 10], anchor: 'start' };
}

const distance = (a: Point, b: Point): number => Math.hypot(a[0] - b[0], a[1] - b[1]);

function outward([x, y]: Point, side: Side, reach: number): Point {
  if (side === 'left') return [x - reach, y];
  if (side === 'right') return [x + reach, y];
  return side === 'top' ? [x, y - reach] : [x, y + reach];
}

function throughChannel(from: Point, to: Point, channel: number): string {
  const sign = to[1] > from[1] ? 1 : -1;
  const turn = Math.min(40, Math.abs(to[1] - from[1]) / 2);
  const entry = from[1] + sign * turn;
  const exit = to[1] - sign * turn;
  const half = (sign * turn) / 2;
  return (
    `M${from[0]},${from[1]} C${from[0]},${from[1] + half} ${channel},${entry - half} ${channel},${entry}` +
    ` L${channel},${exit} C${channel},${exit + half} ${to[0]},${to[1] - half} ${to[0]},${to[1]}`
  );
}
