/** Calls of a definition become a definition of their own, called in their place. */

import type { ShapeAt } from './activity';
import { calleeOf } from './calls';
import { LinkRules } from './connection';
import { type Catalogue, type Definition, type DesignDocument, type EdgePair, type NodeCall, type OutputDeclaration, type ParameterDeclaration, type Point, type PortDeclaration, type Value, isName, nodeNameFor, uniqueName } from './document';
import { Refusal, moveNodes, removeNodes, withDefinition } from './edits';
import { type Endpoint, formatEndpoint, isCallId, parseEndpoint, sourceId } from './endpoints';
import { reachable, successors } from './graph';
import { LOOP, expressionsOf, namesIn, reference } from './names';
import { type RoleGroup, roleGroup } from './roles';
import { declaration, parametersOf, signatureOf } from './signature';

export interface Extracted {
  document: DesignDocument;
  /** The new definition and the node that calls it. */
  definition: string;
  node: string;
}

/** The edges that the selection is cut along: each source once, as a port of the new definition. */
interface Cut {
  inputs: Map<string, PortDeclaration>;
  outputs: Map<string, OutputDeclaration>;
}

/** Why `ids` cannot become a definition, or null. */
export function extractRefusal(definition: Definition, ids: Iterable<string>): string | null {
  const chosen = callsAmong(definition, ids);
  if (chosen.size === 0) return 'Select the nodes that should become a definition';
  const next = successors(definition);
  for (const start of chosen) {
    for (const outside of next.get(start) ?? []) {
      if (chosen.has(outside)) continue;
      const back = [...reachable(next, outside)].find((name) => chosen.has(name));
      if (back) return `${outside} lies between ${start} and ${back}: select it too`;
    }
  }
  return null;
}

/**
 * Replace the calls `ids` by one call of a new definition named `wanted` or, where that is taken, like it.
 * `shapeAt` tells shapes that Python inferred: how many sizes an input has.
 */
export function extract(
  document: DesignDocument, catalogue: Catalogue, place: string, ids: Iterable<string>, wanted: string, shapeAt: ShapeAt = () => undefined,
): Extracted | Refusal {
  const around = document.definitions[place]!;
  const chosen = callsAmong(around, ids);
  const reason = extractRefusal(around, chosen);
  if (reason !== null) return new Refusal(reason);
  if (!isName(wanted)) return new Refusal(`"${wanted}" is not a name: letters, digits and _ only, no digit first`);
  const name = uniqueName(wanted, (one) => Object.hasOwn(document.definitions, one) || Object.hasOwn(catalogue, one));
  const cut = cutAround(document, catalogue, place, chosen);
  const parameters = parametersRead(document, catalogue, around, chosen);
  const given = Object.fromEntries([...parameters].map(([key, one]): [string, Value] => [key, reference(key, one.type)]));
  const inputs = shaped([...cut.inputs], parameters, shapeAt);
  const inner: Definition = {
    ...(parameters.size > 0 ? { parameters: Object.fromEntries([...parameters].map(([key, { name: _, inferred: __, ...one }]) => [key, one])) } : {}),
    inputs,
    outputs: [...cut.outputs.values()],
    nodes: Object.fromEntries(Object.entries(around.nodes).filter(([id]) => chosen.has(id))),
    edges: around.edges.flatMap(([source, target]): EdgePair[] => {
      if (!chosen.has(parseEndpoint(target).node!)) return [];
      return [[chosen.has(parseEndpoint(source).node ?? '') ? source : cut.inputs.get(source)!.name, target]];
    }),
  };
  const call: NodeCall = { call: name, ...(Object.keys(given).length > 0 ? { params: given } : {}) };
  const node = uniqueName(nodeNameFor(name), (one) => Object.hasOwn(around.nodes, one) && !chosen.has(one));
  const called = withDefinition({ ...document, definitions: { ...document.definitions, [name]: inner } }, place, (one) => replaced(one, chosen, cut, node, call));
  return { document: replaceOnCanvas(document, called, place, chosen, node), definition: name, node };
}

const callsAmong = (definition: Definition, ids: Iterable<string>): Set<string> => new Set([...ids].filter((id) => isCallId(id) && Object.hasOwn(definition.nodes, id)));

function cutAround(document: DesignDocument, catalogue: Catalogue, place: string, chosen: ReadonlySet<string>): Cut {
  const around = document.definitions[place]!;
  const rules = new LinkRules(document, catalogue, place);
  const inside = (endpoint: Endpoint): boolean => chosen.has(endpoint.node ?? '');
  const cut: Cut = { inputs: new Map(), outputs: new Map() };
  const portOf = (endpoint: Endpoint): PortDeclaration => {
    const { role, dtype, stack } = rules.source({ card: sourceId(endpoint), port: endpoint.port }) ?? {};
    return { name: endpoint.port, ...(role && !role.includes(':') ? { role } : {}), ...(dtype ? { dtype } : {}), ...(endpoint.stack || stack ? { stack: true } : {}) };
  };
  const reads = (text: string, source: Endpoint, target: Endpoint | undefined): void => {
    const taken = (ports: Iterable<PortDeclaration>) => (name: string): boolean => [...ports].some((port) => port.name === name);
    if (target && inside(target) && !inside(source) && !cut.inputs.has(text)) {
      const name = uniqueName(source.node === undefined ? source.port : target.port, taken(cut.inputs.values()));
      cut.inputs.set(text, { ...portOf(source), name });
    }
    if (inside(source) && !(target && inside(target)) && !cut.outputs.has(text)) {
      const name = uniqueName(source.port, taken(cut.outputs.values()));
      cut.outputs.set(text, { ...portOf(source), name, from: [source.node!, source.stack ? `${source.port}[]` : source.port] });
    }
  };
  for (const [source, target] of around.edges) reads(source, parseEndpoint(source), parseEndpoint(target));
  for (const port of around.outputs) reads(port.from.join('.'), parseEndpoint(port.from.join('.')), undefined);
  return cut;
}

const SIZES: Record<number, string[]> = { 1: [], 2: ['D'], 3: ['N', 'D'], 4: ['C', 'H', 'W'], 5: ['C', 'T', 'H', 'W'] };
const RANKS: Record<RoleGroup, number> = { map: 4, tokens: 3, vector: 2, time: 1, label: 1, any: 4 };

/** Inputs with a shape of their own: as many sizes as arrive there, none named twice; of a stack, a list of sizes. */
function shaped(inputs: [source: string, port: PortDeclaration][], parameters: Map<string, ParameterDeclaration>, shapeAt: ShapeAt): PortDeclaration[] {
  const taken = new Set(parameters.keys());
  return inputs.map(([source, port]) => {
    const arriving = shapeAt(source)?.replace(/^.*\[|\].*$/g, '').split(/\s+/).length ?? RANKS[roleGroup(port.role)];
    const sizes = (SIZES[arriving] ?? Array.from({ length: arriving - 1 }, () => 'S')).map((size) => {
      const name = uniqueName(size, (one) => taken.has(one));
      taken.add(name);
      return name;
    });
    if (port.stack && sizes[0]) parameters.set(sizes[0], { type: 'list', name: sizes[0], help: `the first size of each of ${port.name}`, inferred: true });
    return { ...port, shape: ['B', ...sizes].join(' ') };
  });
}

/** The parameters of `around` that the chosen calls read, and sizes of its inputs that they name. */
function parametersRead(document: DesignDocument, catalogue: Catalogue, around: Definition, chosen: ReadonlySet<string>): Map<string, ParameterDeclaration> {
  const declared = new Map(parametersOf(around).map((one) => [one.name!, one]));
  for (const size of around.inputs.flatMap((port) => (port.shape ?? '').match(/[A-Za-z_]\w*/g) ?? [])) {
    if (!declared.has(size)) declared.set(size, declaration(size, { type: 'int' }));
  }
  const read = new Set<string>();
  for (const id of chosen) {
    const node = around.nodes[id]!;
    const types = new Map(signatureOf(document, catalogue, calleeOf(around, node)).parameters.map((one) => [one.name!, one.type]));
    const loop = node.repeat === undefined ? new Set<string>() : LOOP;
    for (const name of expressionsOf(node, types).flatMap(namesIn)) if (!loop.has(name)) read.add(name);
  }
  return new Map([...declared].filter(([name]) => read.has(name)));
}

/** The definition with `node` in place of the chosen calls, where the first of them stood. */
function replaced(one: Definition, chosen: ReadonlySet<string>, cut: Cut, node: string, call: NodeCall): Definition {
  const first = Object.keys(one.nodes).find((id) => chosen.has(id));
  const outputOf = (source: string): string => {
    const output = cut.outputs.get(source);
    return output ? formatEndpoint({ node, port: output.name, stack: false }) : source;
  };
  const outside = one.edges.filter(([, target]) => !chosen.has(parseEndpoint(target).node!));
  return {
    ...one,
    nodes: Object.fromEntries(Object.entries(one.nodes).flatMap(([id, old]) => (id === first ? [[node, call]] : chosen.has(id) ? [] : [[id, old]]))),
    edges: [
      ...outside.map(([source, target]): EdgePair => [outputOf(source), target]),
      ...[...cut.inputs].map(([source, port]): EdgePair => [source, `${node}.${port.name}`]),
    ],
    outputs: one.outputs.map((port) => (cut.outputs.has(port.from.join('.')) ? { ...port, from: [node, cut.outputs.get(port.from.join('.'))!.name] } : port)),
  };
}

/** The call stands in the middle of what it replaces; inside, the layout is automatic. */
function replaceOnCanvas(before: DesignDocument, after: DesignDocument, place: string, chosen: ReadonlySet<string>, node: string): DesignDocument {
  const points = [...chosen].flatMap((id): Point[] => before.layout?.[place]?.[id] ? [before.layout[place]![id]!] : []);
  const gone = removeNodes(after, place, [...chosen].filter((id) => id !== node));
  if (points.length === 0) return gone;
  const middle: Point = [points.reduce((sum, [x]) => sum + x, 0) / points.length, points.reduce((sum, [, y]) => sum + y, 0) / points.length];
  return moveNodes(gone, place, { [node]: middle });
}
