/** A definition as it stands on the canvas, as SVG for a paper: vector text, light background, no style sheet. */

import type { Decor } from './decor';
import type { Point } from './document';
import { roleGroup } from './roles';
import { channelsOf, pathOf } from './routes';
import type { Card, Side, View, Wire } from './view';

const INK = '#1c2430';
const SOFT = '#5b6675';
const LINE = '#cdd2da';
const MARGIN = 24;
const STUB = 14;
const ROLES: Record<string, string> = { map: '#3b6fd4', tokens: '#0f8f7f', vector: '#c07a12', time: '#c07a12', label: '#b4551f', any: '#7d8896', skip: '#8157c9' };
const FONT = 'Inter, Helvetica, Arial, sans-serif';
const OUT: Record<Side, Point> = { top: [0, -1], right: [1, 0], bottom: [0, 1], left: [-1, 0] };

const colour = (role: string | undefined): string => ROLES[role === 'skip' ? 'skip' : roleGroup(role)]!;
const escape = (text: string): string => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;');
const short = (text: string, width: number, character: number): string => (text.length * character <= width ? text : `${text.slice(0, Math.max(1, Math.floor(width / character) - 1))}…`);

function text(at: Point, content: string, size: number, fill: string, more = ''): string {
  return `<text x="${at[0]}" y="${at[1]}" font-size="${size}" fill="${fill}"${more}>${escape(content)}</text>`;
}

/** The drawing. `shapeOf` tells the shape on a wire. */
export function pictureOf(view: View, positions: Map<string, Point>, decor: Decor, shapeOf: (wire: Wire) => string | undefined): string {
  const cards = new Map(view.cards.map((card) => [card.id, card]));
  const channels = channelsOf(view, positions);
  const parts = [
    ...Object.values(decor.boxes).map(boxPart),
    ...view.wires.map((wire) => (wire.tap ? tapPart(wire, cards, positions) : wirePart(wire, cards, positions, channels.get(wire.id), shapeOf(wire)))),
    ...view.cards.map((card) => cardPart(card, positions.get(card.id)!)),
  ];
  const rects = [...view.cards.map((card) => ({ at: positions.get(card.id)!, size: [card.width, card.height] as Point })), ...Object.values(decor.boxes)];
  const ends = [...rects, ...[...channels.values()].map((x) => ({ at: [x, rects[0]?.at[1] ?? 0] as Point, size: [0, 0] as Point }))];
  const [left, top] = [0, 1].map((axis) => Math.min(...ends.map((one) => one.at[axis]!)) - MARGIN) as [number, number];
  const [right, bottom] = [0, 1].map((axis) => Math.max(...ends.map((one) => one.at[axis]! + one.size[axis]!)) + MARGIN) as [number, number];
  const head = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="${left} ${top} ${right - left} ${bottom - top}" width="${right - left}" height="${bottom - top}" font-family="${FONT}">`;
  return [head, `<title>${escape(view.definition)}</title>`, `<rect x="${left}" y="${top}" width="${right - left}" height="${bottom - top}" fill="#ffffff"/>`, ...parts, '</svg>'].join('\n');
}

function boxPart({ kind, text: content, at, size }: Decor['boxes'][string]): string {
  const frame = kind === 'frame';
  const rect = `<rect x="${at[0]}" y="${at[1]}" width="${size[0]}" height="${size[1]}" rx="8" fill="${frame ? '#f4f6fa' : '#fdf6dc'}" stroke="${frame ? LINE : '#e6d9a2'}"/>`;
  const lines = frame ? [content] : content.split('\n');
  return [rect, ...lines.map((line, index) => text([at[0] + 10, at[1] + 17 + index * 15], line, 11, SOFT, frame ? ' font-weight="600"' : ''))].join('\n');
}

function cardPart(card: Card, [x, y]: Point): string {
  const call = card.kind === 'call';
  const edge = call ? (card.bypassed ? ` stroke="${LINE}" stroke-dasharray="4 3"` : ` stroke="${SOFT}"`) : ` stroke="${colour(card.role)}"`;
  const shade = card.bypassed || card.muted ? ' opacity="0.5"' : '';
  const title = `${card.title}${card.repeat === undefined ? '' : ` × ${card.repeat}`}`;
  const middle = y + card.height / 2;
  const tall = call && !card.folded;
  const plates = card.repeat === undefined ? [] : [8, 4].map((shift) => `<rect x="${x + shift}" y="${y + shift}" width="${card.width}" height="${card.height}" rx="9" fill="#ffffff" stroke="${LINE}"/>`);
  return [
    `<g data-card="${escape(card.id)}"${shade}>`, ...plates,
    `<rect x="${x}" y="${y}" width="${card.width}" height="${card.height}" rx="${call ? 9 : 17}" fill="#ffffff"${edge}/>`,
    text([x + 12, tall ? middle - 2 : middle + 4], short(title, card.width - 20, 7), 13, INK, ' font-weight="600"'),
    tall ? text([x + 12, middle + 13], short(card.subtitle, card.width - 20, 5.6), 11, SOFT) : '',
    !call && card.subtitle ? text([x + 20 + title.length * 7.5, middle + 4], card.subtitle, 10, SOFT) : '',
    ...card.ports.map((port) => { const [px, py] = portAt(card, [x, y], port.side, port.at); return `<circle cx="${px}" cy="${py}" r="3" fill="${colour(port.role)}"/>`; }),
    '</g>',
  ].filter(Boolean).join('\n');
}

function portAt(card: Card, [x, y]: Point, side: Side, at: number): Point {
  if (side === 'top' || side === 'bottom') return [x + at * card.width, side === 'top' ? y : y + card.height];
  return [side === 'left' ? x : x + card.width, y + at * card.height];
}

/** Where the wire meets a card, and on which side. */
function end(wire: Wire, cards: Map<string, Card>, positions: Map<string, Point>, direction: 'in' | 'out'): { at: Point; side: Side } {
  const [id, handle] = direction === 'out' ? [wire.source, wire.sourceHandle] : [wire.target, wire.targetHandle];
  const card = cards.get(id)!;
  const port = card.ports.find((one) => one.direction === direction && one.handle === handle)!;
  return { at: portAt(card, positions.get(id)!, port.side, port.at), side: port.side };
}

function wirePart(wire: Wire, cards: Map<string, Card>, positions: Map<string, Point>, channel: number | undefined, shape: string | undefined): string {
  const [from, to] = [end(wire, cards, positions, 'out'), end(wire, cards, positions, 'in')];
  const path = pathOf(from.at, from.side, to.at, to.side, wire.labelLeft, channel);
  const line = `<path d="${path.d}" fill="none" stroke="${colour(wire.role)}" stroke-width="1.4"${wire.stack ? ' stroke-dasharray="7 3"' : ''}/>`;
  const long = Math.hypot(to.at[0] - from.at[0], to.at[1] - from.at[1]) > 30;
  return shape && long ? `${line}\n${text([path.label.at[0], path.label.at[1] + 3.5], shape, 9, SOFT, ` text-anchor="${path.label.anchor}"`)}` : line;
}

/** A broadcast: its name at the port that it enters. */
function tapPart(wire: Wire, cards: Map<string, Card>, positions: Map<string, Point>): string {
  const to = end(wire, cards, positions, 'in');
  const [dx, dy] = OUT[to.side];
  const start: Point = [to.at[0] + dx * STUB, to.at[1] + dy * STUB];
  const anchor = dx < 0 ? 'end' : dx > 0 ? 'start' : 'middle';
  return `<path d="M${start[0]},${start[1]} L${to.at[0]},${to.at[1]}" stroke="${colour(wire.role)}" stroke-width="1.4"/>\n${text([start[0] + dx * 4, start[1] + dy * 6 + 3.5], wire.tapName, 9, colour(wire.role), ` text-anchor="${anchor}"`)}`;
}
