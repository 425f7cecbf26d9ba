/** Copy and paste of calls, within a document or from one to another. */

import { calleeOf } from './calls';
import { type Definition, type DesignDocument, type EdgePair, type NodeCall, type Point, uniqueName } from './document';
import { formatEndpoint, isCallId, parseEndpoint } from './endpoints';
import { withDefinition, moveNodes } from './edits';
import { calledDefinitions } from './graph';

export interface Clip {
  nodes: Record<string, NodeCall>;
  edges: EdgePair[];
  /** Links from outside into the copied calls, for paste that keeps them. */
  incoming: EdgePair[];
  positions: Record<string, Point>;
  /** Definitions that the calls use, for paste into another document. */
  definitions: Record<string, Definition>;
}

/** Take the calls among `ids`; null when there is none. */
export function copy(document: DesignDocument, definition: string, ids: Iterable<string>, positions: Record<string, Point>): Clip | null {
  const one = document.definitions[definition]!;
  const chosen = new Set([...ids].filter((id) => isCallId(id) && Object.hasOwn(one.nodes, id)));
  if (chosen.size === 0) return null;
  const inside = (endpoint: string): boolean => chosen.has(parseEndpoint(endpoint).node ?? '');
  const used = [...chosen].flatMap((id) => [...calledDefinitions(document.definitions, calleeOf(one, one.nodes[id]!))]);
  return {
    nodes: Object.fromEntries([...chosen].map((id) => [id, one.nodes[id]!])),
    edges: one.edges.filter(([source, target]) => inside(source) && inside(target)),
    incoming: one.edges.filter(([source, target]) => !inside(source) && inside(target)),
    positions: Object.fromEntries([...chosen].filter((id) => positions[id]).map((id) => [id, positions[id]!])),
    definitions: Object.fromEntries(used.filter((name) => Object.hasOwn(document.definitions, name)).map((name) => [name, document.definitions[name]!])),
  };
}

/** Insert a clip, moved by `offset`; returns the names of the new nodes. A definition that is there is kept. */
export function paste(
  document: DesignDocument, definition: string, clip: Clip, offset: Point, keepIncoming = false,
): { document: DesignDocument; names: string[] } {
  const taken = new Set(Object.keys(document.definitions[definition]!.nodes));
  const names = new Map<string, string>();
  for (const old of Object.keys(clip.nodes)) {
    const name = uniqueName(old.replace(/_\d+$/, ''), (candidate) => taken.has(candidate));
    taken.add(name);
    names.set(old, name);
  }
  const moved = (text: string): string => {
    const endpoint = parseEndpoint(text);
    const name = endpoint.node === undefined ? undefined : names.get(endpoint.node);
    return name === undefined ? text : formatEndpoint({ ...endpoint, node: name });
  };
  const edges = [...clip.edges, ...(keepIncoming ? clip.incoming : [])].map(([source, target]): EdgePair => [moved(source), moved(target)]);
  const nodes = Object.fromEntries(Object.entries(clip.nodes).map(([old, call]) => [names.get(old)!, call]));
  const missing = Object.fromEntries(Object.entries(clip.definitions).filter(([name]) => !Object.hasOwn(document.definitions, name)));
  const widened = { ...document, definitions: { ...document.definitions, ...missing } };
  const pasted = withDefinition(widened, definition, (one) => ({ ...one, nodes: { ...one.nodes, ...nodes }, edges: [...one.edges, ...edges] }));
  const positions = Object.fromEntries(Object.entries(clip.positions).map(([old, [x, y]]): [string, Point] => [names.get(old)!, [x + offset[0], y + offset[1]]]));
  return { document: moveNodes(pasted, definition, positions), names: [...names.values()] };
}
