/** From the pure view to Svelte Flow's nodes and edges; objects that did not change are kept. */

import type { Edge, Node } from '@xyflow/svelte';
import type { Point } from '../core/document';
import type { Card, View, Wire } from '../core/view';

export type CardNode = Node<{ card: Card; key: string }, 'card' | 'pill'>;
export type WireEdge = Edge<{ wire: Wire; channel?: number; key: string }, 'wire' | 'tap'>;

export function flowNodes(view: View, positions: Map<string, Point>, selected: ReadonlySet<string>, before: CardNode[]): CardNode[] {
  const old = new Map(before.map((node) => [node.id, node]));
  return view.cards.map((card) => {
    const [x, y] = positions.get(card.id)!;
    const key = JSON.stringify(card);
    const same = old.get(card.id);
    const isSelected = selected.has(card.id);
    if (same && same.data.key === key && same.position.x === x && same.position.y === y && (same.selected ?? false) === isSelected) return same;
    const data = same?.data.key === key ? same.data : { card, key };
    const sized = { width: card.width, height: card.height };
    return { ...same, ...sized, id: card.id, type: card.kind === 'call' ? 'card' : 'pill', position: { x, y }, data, selected: isSelected, deletable: card.kind === 'call', ariaLabel: ariaLabel(card) } as CardNode;
  });
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
  return `${card.title}, ${kind}${card.repeat ? `, repeated ${card.repeat} times` : ''}`;
}
