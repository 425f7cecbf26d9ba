/** A call of a definition gives way to what the definition contains. */

import { calleesOf, socketOf } from './calls';
import { type Catalogue, type Definition, type DesignDocument, type EdgePair, type NodeCall, type Point, type Value, type Values, uniqueName } from './document';
import { Refusal, moveNodes, removeNodes } from './edits';
import { formatEndpoint, parseEndpoint } from './endpoints';
import { type Meaning, expressionOf, expressionsOf, namesIn, substitute } from './names';
import { parametersOf, signatureOf } from './signature';

/** Why the call `id` cannot be inlined, or null. */
export function inlineRefusal(document: DesignDocument, place: string, id: string): string | null {
  const node = document.definitions[place]?.nodes[id];
  if (!node) return 'Select one call of a definition';
  if (socketOf(node) !== undefined) return `${id} is a socket: what fills it is not fixed here`;
  if (!Object.hasOwn(document.definitions, node.call)) return `${node.call} is a block, not a definition`;
  if (node.repeat !== undefined) return `${id} is repeated: its copies would not share one definition`;
  if (node.when !== undefined) return `${id} has a condition: inside, nothing could hold it`;
  return node.instance === undefined ? null : `${id} shares its weights: copies would not`;
}

/**
 * Replace the call `id` by the calls of its definition. `sizes` tells what parameters stand for that are
 * inferred from inputs; `inner` where the calls stand inside. Returns their names.
 */
export function inline(
  document: DesignDocument, catalogue: Catalogue, place: string, id: string, sizes: ReadonlyMap<string, Meaning>, inner: ReadonlyMap<string, Point> = new Map(),
): { document: DesignDocument; names: string[] } | Refusal {
  const reason = inlineRefusal(document, place, id);
  if (reason !== null) return new Refusal(reason);
  const around = document.definitions[place]!;
  const call = around.nodes[id]!;
  const callee = document.definitions[call.call]!;
  const meanings = meaningsOf(callee, call, sizes);
  const calls = callsOf(document, catalogue, callee, meanings);
  if (calls instanceof Refusal) return calls;
  const names = freshNames(around, callee, id);
  const joined = join(around, callee, id, names, calls);
  const replacedHere = { ...document, definitions: { ...document.definitions, [place]: joined } };
  const placed = placeCalls(replacedHere, place, document.layout?.[place]?.[id], names, inner);
  return { document: withoutUnused(removeNodes(placed, place, [...names.values()].includes(id) ? [] : [id]), call.call), names: [...names.values()] };
}

/** What each parameter of the callee stands for in this call. */
function meaningsOf(callee: Definition, call: NodeCall, sizes: ReadonlyMap<string, Meaning>): Map<string, Meaning> {
  const meanings = new Map(sizes);
  for (const { name, type, default: usual } of parametersOf(callee)) {
    const given = call.params?.[name!] ?? usual;
    const expression = expressionOf(given, type);
    if (expression !== undefined) meanings.set(name!, { expression });
    else if (given !== undefined && given !== null) meanings.set(name!, { value: given });
  }
  return meanings;
}

/** The callee's calls with its parameters replaced by what they stand for. */
function callsOf(document: DesignDocument, catalogue: Catalogue, callee: Definition, meanings: ReadonlyMap<string, Meaning>): Map<string, NodeCall> | Refusal {
  const own = new Set(parametersOf(callee).map((one) => one.name!));
  const calls = new Map<string, NodeCall>();
  for (const [name, node] of Object.entries(callee.nodes)) {
    const types = new Map(signatureOf(document, catalogue, node.call).parameters.map((one) => [one.name!, one.type]));
    const unknown = expressionsOf(node, types).flatMap(namesIn).find((one) => own.has(one) && !meanings.has(one));
    if (unknown) return new Refusal(`${unknown} is taken from the input, and its size is not known here: give the call a value for it`);
    const given = (value: Value, type?: Parameters<typeof expressionOf>[1]): Value => {
      const expression = expressionOf(value, type);
      if (expression === undefined) return value;
      const meaning = substitute(expression, meanings);
      if ('value' in meaning) return meaning.value;
      return (value as string).startsWith('=') || type === 'str' || type === 'block' ? `=${meaning.expression}` : meaning.expression;
    };
    const { call, params, repeat, when, ...rest } = node;
    const around = (text: string | number | undefined): string | number | undefined => (typeof text === 'string' ? (given(text) as string | number) : text);
    calls.set(name, {
      ...rest,
      call: call.startsWith('=') ? String(given(call, 'block')) : call,
      ...(params ? { params: Object.fromEntries(Object.entries(params).map(([key, value]) => [key, given(value, types.get(key))])) as Values } : {}),
      ...(repeat === undefined ? {} : { repeat: around(repeat) }),
      ...(when === undefined ? {} : { when: String(around(when)) }),
    });
  }
  return calls;
}

function freshNames(around: Definition, callee: Definition, id: string): Map<string, string> {
  const taken = new Set(Object.keys(around.nodes).filter((name) => name !== id));
  return new Map(Object.keys(callee.nodes).map((old) => {
    const name = uniqueName(old, (one) => taken.has(one));
    taken.add(name);
    return [old, name];
  }));
}

/** The definition around with the callee's calls in place of `id`, and its edges joined. */
function join(around: Definition, callee: Definition, id: string, names: ReadonlyMap<string, string>, calls: ReadonlyMap<string, NodeCall>): Definition {
  const feeds = new Map(around.edges.filter(([, target]) => parseEndpoint(target).node === id).map(([source, target]) => [parseEndpoint(target).port, source]));
  const within = (text: string): string | undefined => {
    const end = parseEndpoint(text);
    return end.node === undefined ? feeds.get(end.port) : formatEndpoint({ ...end, node: names.get(end.node)! });
  };
  const outputs = new Map(callee.outputs.map((port) => [port.name, within(port.from.join('.'))]));
  const source = (text: string): string | undefined => (parseEndpoint(text).node === id ? outputs.get(parseEndpoint(text).port) : text);
  const pair = (from: string | undefined, to: string): EdgePair[] => (from === undefined ? [] : [[from, to]]);
  return {
    ...around,
    nodes: Object.fromEntries(Object.entries(around.nodes).flatMap(([name, node]) => (name === id ? [...calls].map(([old, one]) => [names.get(old)!, one]) : [[name, node]]))),
    edges: [
      ...around.edges.flatMap(([from, to]) => (parseEndpoint(to).node === id ? [] : pair(source(from), to))),
      ...callee.edges.flatMap(([from, to]) => pair(within(from), within(to)!)),
    ],
    outputs: around.outputs.map((port) => {
      if (port.from.length < 2 || port.from[0] !== id) return port;
      const from = source(port.from.join('.'));
      return from === undefined ? port : { ...port, from: from.includes('.') ? [from.slice(0, from.indexOf('.')), from.slice(from.indexOf('.') + 1)] : [from] };
    }),
  };
}

/** The calls stand around the place of the call, as they stood inside. */
function placeCalls(document: DesignDocument, place: string, at: Point | undefined, names: ReadonlyMap<string, string>, inner: ReadonlyMap<string, Point>): DesignDocument {
  const known = [...names].filter(([old]) => inner.has(old));
  if (!at || known.length === 0) return document;
  const [left, top] = [0, 1].map((axis) => Math.min(...known.map(([old]) => inner.get(old)![axis]!)));
  return moveNodes(document, place, Object.fromEntries(known.map(([old, name]): [string, Point] => [name, [inner.get(old)![0] - left! + at[0], inner.get(old)![1] - top! + at[1]]])));
}

/** A definition that nothing calls any more goes with its last call. */
function withoutUnused(document: DesignDocument, name: string): DesignDocument {
  const called = Object.values(document.definitions).some((one) => calleesOf(document.definitions, one).has(name)) || Object.values(document.parameters ?? {}).includes(name);
  if (called || name === document.main) return document;
  const { [name]: _, ...definitions } = document.definitions;
  const { [name]: __, ...layout } = document.layout ?? {};
  return { ...document, definitions, ...(document.layout ? { layout } : {}) };
}
