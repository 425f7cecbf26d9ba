/** A layered layout from top to bottom (dagre), one connected part at a time, parts side by side. */

import dagre from '@dagrejs/dagre';
import type { Point } from '../document';
import type { Card, View, Wire } from '../view';

const TRUNK_WEIGHT = 12;
const GAP = { node: 36, rank: 42, part: 72 };

/** Positions (top left corner) of all cards. The part that leads to the first output is the rightmost. */
export function columnLayout(view: Pick<View, 'cards' | 'wires'>): Map<string, Point> {
  // What enters a card from the side conditions it: it must not pull the trunk out of line.
  const beside = new Set(view.cards.flatMap((card) => card.ports.filter((port) => port.direction === 'in' && port.side !== 'top').map((port) => `${card.id}.${port.name}`)));
  const wires = view.wires.filter((wire) => !wire.tap && !beside.has(`${wire.target}.${wire.targetPort}`));
  const parts = connectedParts(view.cards, wires);
  const main = parts.find((part) => part.some((card) => card.kind === 'output')) ?? parts[0] ?? [];
  const placed = new Map<string, Point>();
  let left = 0;
  for (const part of [...parts.filter((one) => one !== main), main]) {
    const positions = layered(part, wires);
    const width = Math.max(0, ...part.map((card) => positions.get(card.id)![0] + card.width));
    for (const [id, [x, y]] of positions) placed.set(id, [x + left, y]);
    left += width + GAP.part;
  }
  return placed;
}

function connectedParts(cards: Card[], wires: Wire[]): Card[][] {
  const part = new Map(cards.map((card) => [card.id, card.id]));
  const find = (id: string): string => (part.get(id) === id ? id : find(part.get(id)!));
  for (const wire of wires) part.set(find(wire.source), find(wire.target));
  const groups = new Map<string, Card[]>();
  for (const card of cards) groups.set(find(card.id), [...(groups.get(find(card.id)) ?? []), card]);
  return [...groups.values()];
}

function layered(cards: Card[], wires: Wire[]): Map<string, Point> {
  const graph = new dagre.graphlib.Graph({ multigraph: true });
  graph.setGraph({ rankdir: 'TB', nodesep: GAP.node, ranksep: GAP.rank });
  graph.setDefaultEdgeLabel(() => ({}));
  const inside = new Set(cards.map((card) => card.id));
  for (const card of cards) graph.setNode(card.id, { width: card.width, height: card.height });
  const trunk = new Map(cards.map((card) => [card.id, card.ports.find((port) => port.direction === 'in' && port.side === 'top')?.name]));
  for (const wire of wires) {
    if (!inside.has(wire.source) || !inside.has(wire.target)) continue;
    // Straight trunks: the first input of each card pulls hardest.
    const weight = trunk.get(wire.target) === wire.targetPort ? TRUNK_WEIGHT : 1;
    graph.setEdge(wire.source, wire.target, { weight }, wire.id);
  }
  dagre.layout(graph);
  const positions = new Map<string, Point>();
  for (const card of cards) {
    const at = graph.node(card.id);
    positions.set(card.id, [at.x - card.width / 2, at.y - card.height / 2]);
  }
  inPortOrder(cards, wires, positions);
  return positions;
}

/** dagre knows no ports: swap two sources of one card that stand the other way round than its ports. */
function inPortOrder(cards: Card[], wires: Wire[], positions: Map<string, Point>): void {
  for (const card of cards) {
    const ports = card.ports.filter((port) => port.direction === 'in' && port.side === 'top');
    const sources = ports.flatMap((port) => wires.find((wire) => wire.target === card.id && wire.targetPort === port.name)?.source ?? []);
    for (const [index, left] of sources.entries()) {
      const right = sources[index + 1];
      if (right === undefined || left === right) continue;
      const [from, to] = [positions.get(left), positions.get(right)];
      if (from && to && from[0] > to[0] && from[1] === to[1]) swapBranches(left, right, cards, wires, positions);
    }
  }
}

function swapBranches(left: string, right: string, cards: Card[], wires: Wire[], positions: Map<string, Point>): void {
  const branches = [branch(left, wires), branch(right, wires)];
  const [a, b] = branches.map((ids) => span(cards.filter((card) => ids.has(card.id)), positions));
  if (!a || !b || Math.abs(a.width - b.width) > GAP.node) return;
  for (const id of branches[0]!) positions.set(id, [positions.get(id)![0] + b.left - a.left, positions.get(id)![1]]);
  for (const id of branches[1]!) positions.set(id, [positions.get(id)![0] + a.left - b.left, positions.get(id)![1]]);
}

/** A card and all that leads to nothing but it. */
function branch(root: string, wires: Wire[]): Set<string> {
  const ids = new Set([root]);
  for (let grew = true; grew; ) {
    grew = false;
    for (const { source } of wires.filter((wire) => ids.has(wire.target) && !ids.has(wire.source))) {
      if (wires.some((wire) => wire.source === source && !ids.has(wire.target))) continue;
      ids.add(source);
      grew = true;
    }
  }
  return ids;
}

function span(cards: Card[], positions: Map<string, Point>): { left: number; width: number } {
  const left = Math.min(...cards.map((card) => positions.get(card.id)![0]));
  const right = Math.max(...cards.map((card) => positions.get(card.id)![0] + card.width));
  return { left, width: right - left };
}
