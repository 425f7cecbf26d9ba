/** From the pure view to Svelte Flow's nodes and edges; objects that did not change are kept. */

import type { Edge, Node } from '@xyflow/svelte';
import type { Point } from '../core/document';
import { type Box, type Decor, boxId } from '../core/decor';
import type { Card, View, Wire } from '../core/view';

export type CardNode = Node<{ card: Card; key: string }, 'card' | 'pill'>;
export type BoxNode = Node<{ box: Box; key: string }, 'frame' | 'note'>;
export type SceneNode = CardNode | BoxNode;
export type WireEdge = Edge<{ wire: Wire; channel?: number; key: string }, 'wire' | 'tap'>;

/** Boxes behind, cards before them; what is pinned cannot be dragged. */
export function sceneNodes(view: View, positions: Map<string, Point>, decor: Decor, selected: ReadonlySet<string>, before: SceneNode[]): SceneNode[] {
  const old = new Map(before.map((node) => [node.id, node]));
  const boxes = Object.entries(decor.boxes).map(([name, box]) => keep(old.get(boxId(name)), boxNode(name, box), selected));
  const cards = view.cards.map((card) => keep(old.get(card.id), cardNode(card, positions.get(card.id)!), selected));
  return [...boxes, ...cards];
}

/** The node as it was, where nothing changed: Svelte Flow then leaves it alone. */
function keep(old: SceneNode | undefined, now: SceneNode, selected: ReadonlySet<string>): SceneNode {
  const isSelected = selected.has(now.id);
  const same = old?.data.key === now.data.key && old.position.x === now.position.x && old.position.y === now.position.y && (old.selected ?? false) === isSelected;
  if (same) return old;
  return { ...old, ...now, data: old?.data.key === now.data.key ? old.data : now.data, selected: isSelected } as SceneNode;
}

function cardNode(card: Card, [x, y]: Point): CardNode {
  return {
    id: card.id, type: card.kind === 'call' ? 'card' : 'pill', position: { x, y }, width: card.width, height: card.height,
    data: { card, key: JSON.stringify(card) }, draggable: card.pinned !== true, deletable: card.kind === 'call', ariaLabel: ariaLabel(card),
  };
}

function boxNode(name: string, box: Box): BoxNode {
  const [x, y] = box.at;
  return {
    id: boxId(name), type: box.kind, position: { x, y }, width: box.size[0], height: box.size[1], zIndex: box.kind === 'frame' ? -1 : 0,
    data: { box, key: JSON.stringify(box) }, connectable: false, ariaLabel: `${box.kind}: ${box.text}`,
  };
}

export function flowEdges(view: View, channels: Map<string, number>, selected: ReadonlySet<string>, before: WireEdge[]): WireEdge[] {
  const old = new Map(before.map((edge) => [edge.id, edge]));
  return view.wires.map((wire) => {
    const channel = channels.get(wire.id);
    const key = `${JSON.stringify(wire)}${channel ?? ''}`;
    const same = old.get(wire.id);
    const isSelected = selected.has(wire.id);
    if (same && same.data?.key === key && (same.selected ?? false) === isSelected) return same;
    return {
      id: wire.id, type: wire.tap ? 'tap' : 'wire', source: wire.source, target: wire.target,
      sourceHandle: wire.sourceHandle, targetHandle: wire.targetHandle, data: { wire, channel, key }, selected: isSelected, deletable: wire.index >= 0,
    } as WireEdge;
  });
}

function ariaLabel(card: Card): string {
  const kind = card.kind === 'call' ? card.subtitle : card.kind;
  const marks = [card.repeat && `repeated ${card.repeat} times`, card.bypassed && 'bypassed', card.muted && 'muted', card.pinned && 'pinned'].filter(Boolean);
  return [card.title, kind, ...marks].join(', ');
}
