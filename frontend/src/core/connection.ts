/** May this output feed that input? Every refusal carries its reason. */

import { calleeOf } from './calls';
import type { Catalogue, DesignDocument, PortDeclaration } from './document';
import { Refusal, connect, setOutput } from './edits';
import { type Endpoint, boundaryName, formatEndpoint, isInputId, isOutputId } from './endpoints';
import { reachable, successors } from './graph';
import { roleConflict } from './roles';
import { type Signature, signatureOf } from './signature';

/** One end of a link as the canvas names it: the id of a card and a port on it. */
export interface CardPort {
  card: string;
  port: string;
}

/** Answers questions about links of one definition; computed once for a drag, asked for each port. */
export class LinkRules {
  private readonly next;
  private readonly downstream = new Map<string, Set<string>>();

  constructor(
    private readonly document: DesignDocument,
    private readonly catalogue: Catalogue,
    private readonly definition: string,
  ) {
    this.next = successors(this.graph);
  }

  private get graph() {
    return this.document.definitions[this.definition]!;
  }

  private signature(card: string): Signature | undefined {
    const node = this.graph.nodes[card];
    return node && signatureOf(this.document, this.catalogue, calleeOf(this.graph, node));
  }

  source(end: CardPort): PortDeclaration | undefined {
    if (isInputId(end.card)) return this.graph.inputs.find((port) => port.name === boundaryName(end.card));
    return this.signature(end.card)?.outputs.find((port) => port.name === end.port);
  }

  target(end: CardPort): PortDeclaration | undefined {
    if (isOutputId(end.card)) return this.graph.outputs.find((port) => port.name === boundaryName(end.card));
    return this.signature(end.card)?.inputs.find((port) => port.name === end.port);
  }

  /** Why `from` may not feed `to`, or null when it may. */
  refusal(from: CardPort, to: CardPort): string | null {
    const source = this.source(from);
    const target = this.target(to);
    if (!source) return `${label(from)} is not an output`;
    if (!target) return `${label(to)} is not an input`;
    if (from.card === to.card) return 'A node cannot feed itself';
    if (this.reaches(to.card, from.card)) return `This would make a cycle: ${to.card} already leads to ${from.card}`;
    const conflict = roleConflict(source.role, target.role);
    return conflict ? `${label(from)} ${conflict}` : null;
  }

  private reaches(start: string, goal: string): boolean {
    if (!this.downstream.has(start)) this.downstream.set(start, reachable(this.next, start));
    return this.downstream.get(start)!.has(goal);
  }

  /** What feeds `to` now, if anything. */
  occupant(to: CardPort): string | undefined {
    return this.graph.edges.find(([, target]) => target === `${to.card}.${to.port}`)?.[0];
  }

  /** The first input of `card` that `from` may feed; free ports before occupied ones. */
  bestInput(from: CardPort, card: string): CardPort | Refusal {
    const ports = isOutputId(card) ? [boundaryName(card)] : (this.signature(card)?.inputs ?? []).map((port) => port.name);
    const targets = ports.map((port) => ({ card, port }));
    const open = targets.filter((to) => this.refusal(from, to) === null);
    const free = open.find((to) => this.occupant(to) === undefined);
    if (free ?? open[0]) return (free ?? open[0])!;
    const reason = targets[0] ? this.refusal(from, targets[0]) : `${card} has no inputs`;
    return new Refusal(reason ?? 'No compatible input');
  }

  /** The first output of `card` that may feed `to`. */
  bestOutput(to: CardPort, card: string): CardPort | Refusal {
    const ports = isInputId(card) ? [boundaryName(card)] : (this.signature(card)?.outputs ?? []).map((port) => port.name);
    const sources = ports.map((port) => ({ card, port }));
    const open = sources.find((from) => this.refusal(from, to) === null);
    if (open) return open;
    const reason = sources[0] ? this.refusal(sources[0], to) : `${card} has no outputs`;
    return new Refusal(reason ?? 'No compatible output');
  }

  /** The document with the link made; a stack port takes the values of all iterations of a repeated source. */
  link(from: CardPort, to: CardPort): DesignDocument | Refusal {
    const reason = this.refusal(from, to);
    if (reason !== null) return new Refusal(reason);
    const source = formatEndpoint(this.endpoint(from, to));
    if (isOutputId(to.card)) return setOutput(this.document, this.definition, boundaryName(to.card), source);
    return connect(this.document, this.definition, source, `${to.card}.${to.port}`);
  }

  private endpoint(from: CardPort, to: CardPort): Endpoint {
    if (isInputId(from.card)) return { port: boundaryName(from.card), stack: false };
    const repeated = this.graph.nodes[from.card]?.repeat !== undefined;
    const stack = repeated && this.target(to)?.stack === true && this.source(from)?.stack !== true;
    return { node: from.card, port: from.port, stack };
  }
}

const label = (end: CardPort): string => (end.card.startsWith('@') ? boundaryName(end.card) : `${end.card}.${end.port}`);
