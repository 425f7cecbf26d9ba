/** Edits of a document: pure functions from a document to a new one that shares what did not change. */

import { type Definition, type DesignDocument, type EdgePair, type NodeCall, type Point, type Value, isName, nodeNameFor, uniqueName } from './document';
import { renameMarks } from './decor';
import { formatEndpoint, isCallId, parseEndpoint } from './endpoints';

/** An edit that was refused, with the reason that the user reads. */
export class Refusal {
  constructor(readonly reason: string) {}
}

/** Replace one definition. */
export function withDefinition(document: DesignDocument, name: string, change: (definition: Definition) => Definition): DesignDocument {
  const before = document.definitions[name]!;
  const after = change(before);
  return after === before ? document : { ...document, definitions: { ...document.definitions, [name]: after } };
}

/** Add a call of `call` at `position`; returns the document and the name of the new node. */
export function addNode(document: DesignDocument, definition: string, call: string, position: Point): { document: DesignDocument; name: string } {
  const nodes = document.definitions[definition]!.nodes;
  const name = uniqueName(nodeNameFor(call), (candidate) => Object.hasOwn(nodes, candidate));
  const added = withDefinition(document, definition, (one) => ({ ...one, nodes: { ...one.nodes, [name]: { call } } }));
  return { document: moveNodes(added, definition, { [name]: position }), name };
}

/**
 * Delete calls with their edges. Inputs and outputs of the definition stay, and an output keeps the name of
 * a source that is gone, so that the checker reports it at the output.
 */
export function removeNodes(document: DesignDocument, definition: string, ids: Iterable<string>): DesignDocument {
  const gone = new Set([...ids].filter(isCallId));
  if (gone.size === 0) return document;
  const touches = (endpoint: string): boolean => gone.has(parseEndpoint(endpoint).node ?? '');
  const removed = withDefinition(document, definition, (one) => ({
    ...one,
    nodes: Object.fromEntries(Object.entries(one.nodes).filter(([name]) => !gone.has(name))),
    edges: one.edges.filter(([source, target]) => !touches(source) && !touches(target)),
  }));
  const unmarked = renameMarks(removed, definition, (id) => (gone.has(id) ? undefined : id));
  const layout = unmarked.layout?.[definition];
  if (!layout) return unmarked;
  const kept = Object.fromEntries(Object.entries(layout).filter(([name]) => !gone.has(name)));
  return { ...unmarked, layout: { ...unmarked.layout, [definition]: kept } };
}

/** Delete edges, named by their index in the definition's list. */
export function removeEdges(document: DesignDocument, definition: string, indices: Iterable<number>): DesignDocument {
  const gone = new Set(indices);
  if (gone.size === 0) return document;
  return withDefinition(document, definition, (one) => ({ ...one, edges: one.edges.filter((_, index) => !gone.has(index)) }));
}

/** Connect a source endpoint to an input port; a link that was there is replaced. */
export function connect(document: DesignDocument, definition: string, source: string, target: string): DesignDocument {
  return withDefinition(document, definition, (one) => {
    const edges = one.edges.filter((edge) => edge[1] !== target);
    return { ...one, edges: [...edges, [source, target] as EdgePair] };
  });
}

/** Let an output of the definition come from `source`. */
export function setOutput(document: DesignDocument, definition: string, output: string, source: string): DesignDocument {
  const endpoint = parseEndpoint(source);
  const from = endpoint.node === undefined ? [endpoint.port] : [endpoint.node, endpoint.stack ? `${endpoint.port}[]` : endpoint.port];
  return withDefinition(document, definition, (one) => ({
    ...one,
    outputs: one.outputs.map((port) => (port.name === output ? { ...port, from } : port)),
  }));
}

function withNode(document: DesignDocument, definition: string, node: string, change: (call: NodeCall) => NodeCall): DesignDocument {
  return withDefinition(document, definition, (one) => {
    const call = one.nodes[node];
    return call ? { ...one, nodes: { ...one.nodes, [node]: change(call) } } : one;
  });
}

/** Set a parameter of a call; undefined takes it away, so that the default or the inferred value applies. */
export function setParameter(document: DesignDocument, definition: string, node: string, name: string, value: Value | undefined): DesignDocument {
  return withNode(document, definition, node, (call) => {
    const { params = {}, ...rest } = call;
    const { [name]: _, ...others } = params;
    const next = value === undefined ? others : name in params ? { ...params, [name]: value } : { ...others, [name]: value };
    return Object.keys(next).length > 0 ? { ...rest, params: next } : rest;
  });
}

/** Set `repeat`, `when`, `instance` or `help` of a call; undefined takes it away. */
export function setField<K extends 'repeat' | 'when' | 'instance' | 'help'>(
  document: DesignDocument, definition: string, node: string, field: K, value: NodeCall[K],
): DesignDocument {
  return withNode(document, definition, node, (call) => {
    const { [field]: _, ...rest } = call;
    return { ...rest, ...(value === undefined ? {} : { [field]: value }) } as unknown as NodeCall;
  });
}

/** Set a parameter of the design itself; undefined returns it to the definition's default. */
export function setDesignParameter(document: DesignDocument, name: string, value: Value | undefined): DesignDocument {
  const { [name]: _, ...others } = document.parameters ?? {};
  return { ...document, parameters: value === undefined ? others : { ...document.parameters, [name]: value } };
}

/** Rename a call, with its edges, outputs and position. */
export function renameNode(document: DesignDocument, definition: string, from: string, to: string): DesignDocument | Refusal {
  if (from === to) return document;
  if (!isName(to)) return new Refusal(`"${to}" is not a name: letters, digits and _ only, no digit first`);
  if (Object.hasOwn(document.definitions[definition]!.nodes, to)) return new Refusal(`There is already a node named "${to}"`);
  const moved = (text: string): string => {
    const endpoint = parseEndpoint(text);
    return endpoint.node === from ? formatEndpoint({ ...endpoint, node: to }) : text;
  };
  const renamed = withDefinition(document, definition, (one) => ({
    ...one,
    nodes: Object.fromEntries(Object.entries(one.nodes).map(([name, call]) => [name === from ? to : name, call])),
    edges: one.edges.map(([source, target]) => [moved(source), moved(target)]),
    outputs: one.outputs.map((port) => (port.from[0] === from && port.from.length > 1 ? { ...port, from: [to, ...port.from.slice(1)] } : port)),
  }));
  const marked = renameMarks(renamed, definition, (id) => (id === from ? to : id));
  const { [from]: position, ...layout } = marked.layout?.[definition] ?? {};
  return position ? { ...marked, layout: { ...marked.layout, [definition]: { ...layout, [to]: position } } } : marked;
}

/** Store positions; `@in.x` and `@out.y` name the definition's inputs and outputs. */
export function moveNodes(document: DesignDocument, definition: string, positions: Record<string, Point>): DesignDocument {
  const rounded = Object.fromEntries(Object.entries(positions).map(([name, [x, y]]) => [name, [Math.round(x), Math.round(y)] as Point]));
  return { ...document, layout: { ...document.layout, [definition]: { ...document.layout?.[definition], ...rounded } } };
}
