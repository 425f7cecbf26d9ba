/** Bypass and mute: calls that are switched off by their condition, and say so in the document. */

import { calleeOf } from './calls';
import type { Catalogue, Definition, DesignDocument, NodeCall, PortDeclaration } from './document';
import { Refusal, setField } from './edits';
import { parseEndpoint } from './endpoints';
import { roleGroup } from './roles';
import { signatureOf } from './signature';

/** Whether the call is switched off: it passes its first input on. */
export const isBypassed = (node: NodeCall): boolean => node.when === 'False' || (node.when?.startsWith('False and ') ?? false);

/** Its condition when switched off or on; an earlier condition is kept inside. */
function switched(node: NodeCall): string | undefined {
  if (node.when === 'False') return undefined;
  if (isBypassed(node)) return node.when!.slice('False and ('.length, -1);
  return node.when === undefined ? 'False' : `False and (${node.when})`;
}

/** What a shape inferred by Python is at an endpoint, where it is known. */
export type ShapeAt = (endpoint: string) => string | undefined;

/** Why the call cannot pass its first input on, or null. */
export function bypassRefusal(document: DesignDocument, catalogue: Catalogue, place: string, id: string, shapeAt: ShapeAt = () => undefined): string | null {
  const around = document.definitions[place]!;
  const node = around.nodes[id];
  if (!node) return 'Select a node';
  if (isBypassed(node)) return null;
  const source = firstSource(document, catalogue, around, id);
  if (source === undefined) return `${id} has no connected input to pass on`;
  const output = signatureOf(document, catalogue, calleeOf(around, node)).outputs[0];
  if (!alike(source.port.role, output?.role)) return `${id} turns ${source.port.role} into ${output?.role}: its input cannot stand for its output`;
  if ((source.port.stack ?? false) !== (output?.stack ?? false)) return `${id} takes or gives a stack of values: its input cannot stand for its output`;
  const [before, after] = [shapeAt(source.from), shapeAt(`${id}.${output?.name}`)];
  return before !== undefined && after !== undefined && before !== after ? `${id} turns ${before} into ${after}: its input cannot stand for its output` : null;
}

/** Whether a value of one role may stand for one of the other; only a port for anything is left to shapes. */
function alike(into = 'any', out = 'any'): boolean {
  if (into === 'any' || out === 'any' || into === out) return true;
  return roleGroup(into) !== 'any' && roleGroup(into) === roleGroup(out);
}

/** The first input that is connected: what an inactive call passes on. */
function firstSource(document: DesignDocument, catalogue: Catalogue, around: Definition, id: string): { from: string; port: PortDeclaration } | undefined {
  const signature = signatureOf(document, catalogue, calleeOf(around, around.nodes[id]!));
  for (const port of signature.inputs) {
    const from = around.edges.find(([, target]) => target === `${id}.${port.name}`)?.[0];
    if (from !== undefined) return { from, port };
  }
  return undefined;
}

/** Switch a call off, or on again. */
export function toggleBypass(document: DesignDocument, catalogue: Catalogue, place: string, id: string, shapeAt?: ShapeAt): DesignDocument | Refusal {
  const reason = bypassRefusal(document, catalogue, place, id, shapeAt);
  if (reason !== null) return new Refusal(reason);
  return setField(document, place, id, 'when', switched(document.definitions[place]!.nodes[id]!));
}

/** The calls that merge the branch of `id` with what they pass on when switched off. */
function merges(document: DesignDocument, catalogue: Catalogue, place: string, id: string, shapeAt?: ShapeAt): string[] | Refusal {
  const around = document.definitions[place]!;
  if (around.outputs.some((port) => port.from[0] === id && port.from.length > 1)) return new Refusal(`${id} feeds an output of ${place}: without it there is none`);
  const readers = [...new Set(around.edges.filter(([source]) => parseEndpoint(source).node === id).map(([, target]) => parseEndpoint(target).node!))];
  if (readers.length === 0) return new Refusal(`Nothing reads ${id}`);
  for (const reader of readers) {
    const first = firstSource(document, catalogue, around, reader);
    if (!first || parseEndpoint(first.from).node === id) return new Refusal(`${reader} passes on ${id} itself: nothing else could take its place`);
    const reason = bypassRefusal(document, catalogue, place, reader, shapeAt);
    if (reason !== null) return new Refusal(reason);
  }
  return readers;
}

/** Why the branch that ends at `id` cannot be dropped, or null. */
export function muteRefusal(document: DesignDocument, catalogue: Catalogue, place: string, id: string, shapeAt?: ShapeAt): string | null {
  if (!document.definitions[place]?.nodes[id]) return 'Select a node';
  const found = merges(document, catalogue, place, id, shapeAt);
  return found instanceof Refusal ? found.reason : null;
}

/** The calls whose branch is dropped: everything that reads them is switched off and passes something else on. */
export function mutedIn(document: DesignDocument, catalogue: Catalogue, place: string): Set<string> {
  const around = document.definitions[place]!;
  const passed = new Map(Object.keys(around.nodes).filter((id) => isBypassed(around.nodes[id]!)).map((id) => [id, firstSource(document, catalogue, around, id)?.from]));
  if (passed.size === 0) return new Set();
  const dropped = new Map<string, boolean>();
  for (const [source, target] of around.edges) {
    const [id, reader] = [parseEndpoint(source).node, parseEndpoint(target).node!];
    if (id !== undefined) dropped.set(id, dropped.get(id) !== false && passed.has(reader) && passed.get(reader) !== source);
  }
  for (const port of around.outputs) if (port.from.length > 1) dropped.set(port.from[0]!, false);
  return new Set([...dropped].filter(([, all]) => all).map(([id]) => id));
}

/** Drop the branch that ends at `id`: what merges it passes its other input on. Again: take it back. */
export function toggleMute(document: DesignDocument, catalogue: Catalogue, place: string, id: string, shapeAt?: ShapeAt): DesignDocument | Refusal {
  const found = merges(document, catalogue, place, id, shapeAt);
  if (found instanceof Refusal) return found;
  const muted = mutedIn(document, catalogue, place).has(id);
  return found.reduce((one, reader) => {
    const node = one.definitions[place]!.nodes[reader]!;
    return isBypassed(node) === muted ? setField(one, place, reader, 'when', switched(node)) : one;
  }, document);
}
