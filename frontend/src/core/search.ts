/** The search palette: blocks and definitions to add, nodes to find. */

import { calleeOf } from './calls';
import type { Catalogue, DesignDocument } from './document';
import { type Library, compositeSignature, offered } from './library';
import { roleConflict } from './roles';
import { calledDefinitions } from './graph';
import { type Signature, signatureOf } from './signature';

export interface Hit {
  kind: 'add' | 'find';
  /** What to call, or the node to find. */
  name: string;
  definition?: string;
  title: string;
  detail: string;
  family: string;
}

/** Only calls with a port that fits the loose end of a link. */
export interface PortFilter {
  direction: 'in' | 'out';
  role?: string;
}

/** Everything that can be placed in `definition`: definitions that do not contain it, blocks, the library's composites. */
export function placeable(document: DesignDocument, catalogue: Catalogue, definition: string, library: Library = {}): Signature[] {
  const definitions = Object.keys(document.definitions).filter((name) => !calledDefinitions(document.definitions, name).has(definition));
  const blocks = Object.keys(catalogue).filter((name) => !Object.hasOwn(document.definitions, name));
  const composites = offered(document, library).map((name) => compositeSignature(document, catalogue, library[name]!));
  return [...[...definitions, ...blocks].map((name) => signatureOf(document, catalogue, name)), ...composites];
}

/** Whether every word of `query` occurs; words that start the name count most. Lower is better. */
export function score(query: string, ...texts: string[]): number | null {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const all = texts.map((text) => text.toLowerCase());
  let total = 0;
  for (const word of words) {
    const where = all.findIndex((text) => text.includes(word));
    if (where < 0) return null;
    total += where * 4 + (all[where]!.startsWith(word) ? 0 : 2);
  }
  return total;
}

export function fits(signature: Signature, filter: PortFilter): boolean {
  const ports = filter.direction === 'in' ? signature.inputs : signature.outputs;
  return ports.some((port) => (filter.direction === 'in' ? roleConflict(filter.role, port.role) : roleConflict(port.role, filter.role)) === null);
}

/** The best hits for `query`; with a port filter, only calls that fit. */
export function search(document: DesignDocument, catalogue: Catalogue, definition: string, query: string, filter?: PortFilter, library: Library = {}, limit = 40): Hit[] {
  const found: { hit: Hit; rank: number }[] = [];
  for (const one of placeable(document, catalogue, definition, library)) {
    if (filter && !fits(one, filter)) continue;
    const rank = score(query, one.name, one.title, one.family, one.summary);
    if (rank !== null) found.push({ rank, hit: { kind: 'add', name: one.name, title: one.title, detail: one.summary, family: one.family } });
  }
  if (!filter && query) found.push(...nodeHits(document, catalogue, query));
  return found.sort((a, b) => a.rank - b.rank).slice(0, limit).map((one) => one.hit);
}

function nodeHits(document: DesignDocument, catalogue: Catalogue, query: string): { hit: Hit; rank: number }[] {
  const found: { hit: Hit; rank: number }[] = [];
  for (const [definition, one] of Object.entries(document.definitions)) {
    for (const [name, node] of Object.entries(one.nodes)) {
      const rank = score(query, name, node.call, definition);
      if (rank === null) continue;
      const signature = signatureOf(document, catalogue, calleeOf(one, node));
      found.push({ rank: rank + 1, hit: { kind: 'find', name, definition, title: name, detail: `${node.call} in ${definition}`, family: signature.family } });
    }
  }
  return found;
}
