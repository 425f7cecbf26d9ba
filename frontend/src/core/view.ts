/** One definition as cards and wires: everything the canvas draws, decided without a DOM. */

import { isBypassed, mutedIn } from './activity';
import { calleeOf, socketOf } from './calls';
import { type Decor, decorOf } from './decor';
import type { Catalogue, Definition, DesignDocument, NodeCall, PortDeclaration, Values } from './document';
import { inputId, isInputId, isOutputId, outputId, parseEndpoint, sourceId } from './endpoints';
import { groupBy } from './groups';
import { isConditioning } from './roles';
import { type Signature, signatureOf } from './signature';
import { type Phase, type Phases, phasesOf } from './phases';

export type Side = 'top' | 'right' | 'bottom' | 'left';

/** A port where it is drawn. A port may have a second handle: an encoder's output that is also a skip. */
export interface PortView {
  name: string;
  handle: string;
  direction: 'in' | 'out';
  role?: string;
  side: Side;
  /** Where along its side, 0 … 1. */
  at: number;
  stack: boolean;
  optional: boolean;
  connected: boolean;
  /** Connected by an edge to a port that the call does not have. */
  missing: boolean;
  help: string;
}

export interface Card {
  id: string;
  kind: 'call' | 'input' | 'output';
  title: string;
  subtitle: string;
  family: string;
  role?: string;
  repeat?: string;
  when?: string;
  instance?: string;
  /** The parameter that fills this socket. */
  socket?: string;
  /** The definition that opens on double-click. */
  enters?: string;
  ports: PortView[];
  phase: Phase;
  /** Switched off: it passes its first input on. */
  bypassed?: boolean;
  /** Its branch is dropped: what reads it is switched off. */
  muted?: boolean;
  pinned?: boolean;
  folded?: boolean;
  width: number;
  height: number;
}

export interface Wire {
  id: string;
  /** Position in the definition's edge list; -1 for the source of an output. */
  index: number;
  source: string;
  sourcePort: string;
  sourceHandle: string;
  target: string;
  targetPort: string;
  targetHandle: string;
  role?: string;
  /** A broadcast: drawn as a named tap, left out of the layout. */
  tap: boolean;
  tapName: string;
  /** The first tap of its source, which draws the label there, and how many taps the source has. */
  tapFirst: boolean;
  tapCount: number;
  /** Label left of the line: the next port is close on the right. */
  labelLeft: boolean;
  stack: boolean;
  /** The endpoints as written in the document. */
  from: string;
  to: string;
}

export interface View {
  definition: string;
  cards: Card[];
  wires: Wire[];
  phases: Phases;
}

const CARD_WIDTH = 196;
const CARD_HEIGHT = 50;
const FOLDED = 30;
const LABEL_ROW = 13;
const SUBTITLE = 27;
const PILL_HEIGHT = 34;
const TAP_FANOUT = 3;
const TAP_FANOUT_TRUNK = 5;

interface RawWire extends Omit<Wire, 'sourceHandle' | 'targetHandle' | 'tap' | 'tapName' | 'tapFirst' | 'tapCount' | 'labelLeft' | 'role' | 'id'> {}

/** Build the view of `name`. Edges to calls that do not exist are left to the checker. */
export function viewOf(document: DesignDocument, catalogue: Catalogue, name: string): View {
  const definition = document.definitions[name]!;
  const signatures = new Map(Object.entries(definition.nodes).map(([id, node]) => [id, signatureOf(document, catalogue, calleeOf(definition, node))]));
  const raw = rawWires(definition);
  const phases = phasesOf(definition, raw);
  const cards = [
    ...definition.inputs.map((port) => boundaryCard(port, 'input', phases)),
    ...Object.entries(definition.nodes).map(([id, node]) => callCard(id, node, signatures.get(id)!, raw, phases)),
    ...definition.outputs.map((port) => boundaryCard(port, 'output', phases)),
  ];
  markCards(cards, definition, mutedIn(document, catalogue, name), decorOf(document, name));
  const isTap = tapTest(raw, cards);
  const wires = finishWires(raw, cards, isTap, phases);
  for (const card of cards) arrange(card);
  const left = new Set(cards.flatMap((card) => card.ports.filter((port) => port.direction === 'in' && port.at < 0.5).map((port) => `${card.id}.${port.name}`)));
  return { definition: name, cards, wires: wires.map((wire) => ({ ...wire, labelLeft: left.has(`${wire.target}.${wire.targetPort}`) })), phases };
}

function rawWires(definition: Definition): RawWire[] {
  const known = (id: string): boolean =>
    isInputId(id) ? definition.inputs.some((port) => inputId(port.name) === id) : isOutputId(id) || Object.hasOwn(definition.nodes, id);
  const wires: RawWire[] = [];
  const add = (index: number, from: string, target: string, targetPort: string, to: string): void => {
    const source = parseEndpoint(from);
    if (!known(sourceId(source)) || !known(target)) return;
    wires.push({ index, source: sourceId(source), sourcePort: source.port, target, targetPort, stack: source.stack, from, to });
  };
  definition.edges.forEach(([from, to], index) => {
    const target = parseEndpoint(to);
    if (target.node !== undefined) add(index, from, target.node, target.port, to);
  });
  for (const port of definition.outputs) add(-1, port.from.join('.'), outputId(port.name), port.name, `@${port.name}`);
  return wires;
}

function markCards(cards: Card[], definition: Definition, muted: ReadonlySet<string>, decor: Decor): void {
  for (const card of cards) {
    const node = definition.nodes[card.id];
    if (node && isBypassed(node)) card.bypassed = true;
    if (muted.has(card.id)) card.muted = true;
    if (decor.pinned.includes(card.id)) card.pinned = true;
    if (decor.folded.includes(card.id)) card.folded = true;
  }
}

function boundaryCard(port: PortDeclaration, kind: 'input' | 'output', phases: Phases): Card {
  const id = kind === 'input' ? inputId(port.name) : outputId(port.name);
  const phase = phases.of(id);
  const direction = kind === 'input' ? 'out' : 'in';
  return {
    id, kind, title: port.name, subtitle: port.shape ?? '', family: kind, role: port.role, phase,
    ports: [{ ...blankPort(port, direction, sideOf(port, direction, phase, false)), connected: true }],
    width: Math.max(104, 46 + port.name.length * 7.5 + (port.shape?.length ?? 0) * 6), height: PILL_HEIGHT,
  };
}

function blankPort(port: PortDeclaration, direction: 'in' | 'out', side: Side): PortView {
  return {
    name: port.name, handle: port.name, direction, role: port.role, side, at: 0.5, stack: port.stack === true,
    optional: port.optional === true, connected: false, missing: false, help: port.help ?? '',
  };
}

function callCard(id: string, node: NodeCall, signature: Signature, wires: RawWire[], phases: Phases): Card {
  const phase = phases.of(id);
  const trunk = signature.inputs.some((port) => !isConditioning(port.role));
  const ports = [
    ...signature.inputs.map((port) => blankPort(port, 'in', sideOf(port, 'in', phase, trunk))),
    ...signature.outputs.map((port) => blankPort(port, 'out', sideOf(port, 'out', phase, trunk))),
  ];
  for (const port of missingPorts(id, ports, wires)) ports.push({ ...port, side: sideOf(port, port.direction, phase, trunk) });
  for (const port of ports) {
    port.connected = wires.some((wire) => (port.direction === 'in' ? wire.target === id && wire.targetPort === port.name : wire.source === id && wire.sourcePort === port.name));
  }
  return {
    id, kind: 'call', title: id, subtitle: subtitle(node, signature), family: signature.family,
    repeat: node.repeat === undefined ? undefined : String(node.repeat), when: node.when, instance: node.instance, socket: socketOf(node),
    enters: signature.kind === 'definition' ? signature.name : undefined,
    ports, phase, width: CARD_WIDTH, height: CARD_HEIGHT,
  };
}

function missingPorts(id: string, ports: PortView[], wires: RawWire[]): PortView[] {
  const found: PortView[] = [];
  const note = (name: string, direction: 'in' | 'out'): void => {
    const same = (port: PortView): boolean => port.name === name && port.direction === direction;
    if (!ports.some(same) && !found.some(same)) found.push({ ...blankPort({ name }, direction, 'top'), missing: true });
  };
  for (const wire of wires) {
    if (wire.target === id) note(wire.targetPort, 'in');
    if (wire.source === id) note(wire.sourcePort, 'out');
  }
  return found;
}

function subtitle(node: NodeCall, signature: Signature): string {
  const name = signature.kind === 'definition' ? signature.name : signature.title;
  const [first] = Object.values((node.params ?? {}) as Values).map((value) => (Array.isArray(value) ? JSON.stringify(value) : String(value)));
  const whole = `${name} · ${first}`;
  return signature.kind === 'block' && first !== undefined && whole.length <= SUBTITLE ? whole : name;
}

const TRUNK: Record<Phase, readonly [into: Side, out: Side]> = {
  down: ['top', 'bottom'], mid: ['left', 'right'], up: ['bottom', 'top'],
};

function sideOf(port: PortDeclaration, direction: 'in' | 'out', phase: Phase, hasTrunk: boolean): Side {
  const [into, out] = TRUNK[phase];
  if (direction === 'out') return out;
  if (hasTrunk && isConditioning(port.role)) return phase === 'up' ? 'right' : phase === 'mid' ? 'top' : 'left';
  return into;
}

/** Ports that only take the size of what comes in. */
const REFERENCE = /^(like|reference)$/;

/** Whether a wire is a tap: its source feeds so many cards that lines would make a hairball, or it is a mere reference. */
function tapTest(wires: RawWire[], cards: Card[]): (wire: RawWire) => boolean {
  const fans = groupBy(wires, (wire) => wire.from);
  const targetRole = new Map(cards.flatMap((card) => card.ports.filter((port) => port.direction === 'in').map((port) => [`${card.id}.${port.name}`, port.role])));
  const beside = new Set(cards.flatMap((card) => card.ports.filter((port) => port.direction === 'in' && port.side === 'left').map((port) => `${card.id}.${port.name}`)));
  const broadcasts = (fan: RawWire[]): boolean => {
    const cardsFed = new Set(fan.map((wire) => wire.target)).size;
    const conditions = fan.filter((wire) => isConditioning(targetRole.get(`${wire.target}.${wire.targetPort}`))).length;
    return cardsFed >= TAP_FANOUT_TRUNK || (cardsFed >= TAP_FANOUT && conditions * 2 >= fan.length);
  };
  const conditions = (wire: RawWire): boolean => beside.has(`${wire.target}.${wire.targetPort}`);
  const modulators = [...groupBy(wires.filter(conditions), (wire) => wire.source)].filter(([, fan]) => new Set(fan.map((wire) => wire.target)).size >= TAP_FANOUT);
  const modulating = new Set(modulators.map(([source]) => source));
  const sources = new Set([...fans].filter(([, fan]) => broadcasts(fan)).map(([from]) => from));
  return (wire) => sources.has(wire.from) || (modulating.has(wire.source) && conditions(wire)) || (REFERENCE.test(wire.targetPort) && fans.get(wire.from)!.length > 1);
}

function finishWires(raw: RawWire[], cards: Card[], isTap: (wire: RawWire) => boolean, phases: Phases): Wire[] {
  const taps = groupBy(raw.filter(isTap), (wire) => wire.from);
  const byId = new Map(cards.map((card) => [card.id, card]));
  const seen = new Map<string, number>();
  return raw.map((wire) => {
    const source = byId.get(wire.source)!;
    const tap = isTap(wire);
    const crosses = !tap && phases.isSkip(wire.source, wire.target);
    const sourceHandle = crosses ? skipHandle(source, wire.sourcePort, raw, phases) : wire.sourcePort;
    if (crosses) turnToSkip(byId.get(wire.target)!, wire.targetPort);
    const plain = `${wire.from}->${wire.to}`;
    const count = seen.get(plain) ?? 0;
    seen.set(plain, count + 1);
    return {
      ...wire, id: count === 0 ? plain : `${plain}#${count}`, sourceHandle, targetHandle: wire.targetPort,
      role: crosses ? 'skip' : source.ports.find((port) => port.direction === 'out' && port.name === wire.sourcePort)?.role,
      tap, tapName: wire.from.replace(/\.(out|y|x)$/, ''), tapFirst: taps.get(wire.from)?.[0] === wire, tapCount: taps.get(wire.from)?.length ?? 0, labelLeft: false,
    };
  });
}

/** The handle from which a skip leaves the encoder sideways; the trunk keeps its own when the port is both. */
function skipHandle(card: Card, name: string, wires: RawWire[], phases: Phases): string {
  const port = card.ports.find((one) => one.direction === 'out' && one.name === name)!;
  const onlySkips = wires.filter((wire) => wire.source === card.id && wire.sourcePort === name).every((wire) => phases.isSkip(wire.source, wire.target));
  if (onlySkips) {
    port.side = 'right';
    return name;
  }
  const handle = `${name}@skip`;
  if (!card.ports.some((one) => one.handle === handle)) card.ports.push({ ...port, handle, side: 'right' });
  return handle;
}

function turnToSkip(card: Card, name: string): void {
  const port = card.ports.find((one) => one.direction === 'in' && one.name === name);
  if (port) port.side = 'left';
}

/** Spread the ports of each side and make room for their labels. */
function arrange(card: Card): void {
  for (const side of ['top', 'right', 'bottom', 'left'] as const) {
    const ports = card.ports.filter((port) => port.side === side);
    ports.forEach((port, index) => (port.at = (index + 0.5) / ports.length));
    if (card.folded) card.height = FOLDED;
    if (card.kind !== 'call' || card.folded) continue;
    if ((side === 'top' || side === 'bottom') && ports.length > 1) {
      card.height += LABEL_ROW;
      card.width = Math.max(card.width, ports.length * (Math.max(...ports.map((port) => port.name.length)) * 5.4 + 10));
    }
    if (side === 'left' || side === 'right') card.height = Math.max(card.height, ports.length * 17);
  }
}
