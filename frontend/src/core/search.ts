/** The search palette: blocks and definitions to add, nodes to find, actions to do, links to make. */

import type { Diagnostic } from './annotations';
import { calleeOf } from './calls';
import { type CardPort, LinkRules } from './connection';
import type { Catalogue, DesignDocument } from './document';
import { boundaryName, isInputId, outputId } from './endpoints';
import { groupBy } from './groups';
import { type Library, compositeSignature, offered } from './library';
import { roleConflict } from './roles';
import { calledDefinitions } from './graph';
import { readable } from './shapes';
import { type Signature, signatureOf } from './signature';

export interface Hit {
  kind: 'add' | 'find' | 'do' | 'link';
  /** What to call, the node to find, the action to do, or the link to make. */
  name: string;
  /** Why an action cannot be done now. */
  reason?: string | null;
  /** The ends of a link. */
  link?: [from: CardPort, to: CardPort];
  definition?: string;
  title: string;
  detail: string;
  family: string;
}

/** An action as the search finds it. */
export interface Action {
  id: string;
  title: string;
  keys: string;
  group: string;
  reason: string | null;
}

/** What Python said of the design, by which nodes are found too: shapes and diagnostics. */
export interface Facts {
  shapes: Record<string, string>;
  diagnostics: Diagnostic[];
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

/** Where to look: the design, what there is to call, what Python said, what can be done. */
export interface Sought {
  document: DesignDocument;
  catalogue: Catalogue;
  definition: string;
  library?: Library;
  facts?: Facts;
  actions?: Action[];
}

const LIMIT = 40;
type Ranked = { hit: Hit; rank: number };

/** The best hits for `query`; with a port filter, only calls that fit. */
export function search(sought: Sought, query: string, filter?: PortFilter): Hit[] {
  const found: Ranked[] = [];
  for (const one of placeable(sought.document, sought.catalogue, sought.definition, sought.library)) {
    if (filter && !fits(one, filter)) continue;
    const rank = score(query, one.name, one.title, one.family, one.summary);
    if (rank !== null) found.push({ rank, hit: { kind: 'add', name: one.name, title: one.title, detail: one.summary, family: one.family } });
  }
  if (!filter && query) found.push(...nodeHits(sought, query), ...actionHits(sought.actions ?? [], query, 3));
  return best(found);
}

/** The actions whose title or key fits; those that cannot be done now come with the reason. */
export function searchActions(actions: Action[], query: string): Hit[] {
  return best(actionHits(actions, query, 0));
}

/** The links that may begin at outputs of `card`, for who works without a mouse. */
export function searchLinks({ document, catalogue, definition }: Sought, card: string, query: string): Hit[] {
  const rules = new LinkRules(document, catalogue, definition);
  const around = document.definitions[definition]!;
  const outputs = isInputId(card) ? [boundaryName(card)] : around.nodes[card] ? signatureOf(document, catalogue, calleeOf(around, around.nodes[card]!)).outputs.map((port) => port.name) : [];
  const targets = [
    ...Object.entries(around.nodes).flatMap(([id, node]) => signatureOf(document, catalogue, calleeOf(around, node)).inputs.map((port): CardPort => ({ card: id, port: port.name }))),
    ...around.outputs.map((port): CardPort => ({ card: outputId(port.name), port: port.name })),
  ];
  const found: Ranked[] = [];
  for (const output of outputs) {
    for (const to of targets) {
      const from = { card, port: output };
      const title = `${label(from)} → ${label(to)}`;
      const rank = score(query, label(to), title);
      if (rank === null || rules.refusal(from, to) !== null) continue;
      const occupant = rules.occupant(to);
      found.push({ rank: rank + (occupant ? 1 : 0), hit: { kind: 'link', name: title, title, detail: occupant ? `replaces the link from ${occupant}` : 'free', family: 'link', link: [from, to] } });
    }
  }
  return best(found);
}

const label = (end: CardPort): string => (end.card.startsWith('@') ? boundaryName(end.card) : `${end.card}.${end.port}`);
const best = (found: Ranked[]): Hit[] => found.sort((a, b) => a.rank - b.rank).slice(0, LIMIT).map((one) => one.hit);

function actionHits(actions: Action[], query: string, behind: number): Ranked[] {
  return actions.flatMap((one) => {
    const rank = score(query, one.title, one.group, one.keys);
    return rank === null ? [] : [{ rank: rank + behind, hit: { kind: 'do', name: one.id, title: one.title, detail: one.reason ?? one.group, family: 'action', reason: one.reason } as Hit }];
  });
}

/** Nodes by name, block, definition, code of a problem, role or shape of what they give. */
function nodeHits({ document, catalogue, facts }: Sought, query: string): Ranked[] {
  const found: Ranked[] = [];
  const shapes = groupBy(Object.entries(facts?.shapes ?? {}), ([edge]) => edge.slice(0, edge.lastIndexOf('.', edge.indexOf('->'))));
  const codes = groupBy(facts?.diagnostics ?? [], (one) => one.node);
  for (const [definition, one] of Object.entries(document.definitions)) {
    for (const [name, node] of Object.entries(one.nodes)) {
      const place = `${definition}/${name}`;
      const signature = signatureOf(document, catalogue, calleeOf(one, node));
      const given = [...new Set((shapes.get(place) ?? []).map(([, shape]) => readable(shape)))].join(' ; ');
      const problems = (codes.get(place) ?? []).map((problem) => problem.code).join(' ');
      const roles = signature.outputs.map((port) => port.role ?? '').join(' ');
      const rank = score(query, name, node.call, definition, problems, roles, given);
      if (rank === null) continue;
      const detail = [`${node.call} in ${definition}`, problems, given].filter(Boolean).join(' · ');
      found.push({ rank: rank + 1, hit: { kind: 'find', name, definition, title: name, detail, family: signature.family } });
    }
  }
  return found;
}
