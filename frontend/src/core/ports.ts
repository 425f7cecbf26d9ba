/** The face of a definition: its inputs and outputs, changed here and wherever it is called. */

import { calleeOf } from './calls';
import { type Definition, type DesignDocument, type EdgePair, type OutputDeclaration, type PortDeclaration, isName, uniqueName } from './document';
import { Refusal, withDefinition } from './edits';
import { formatEndpoint, inputId, outputId, parseEndpoint } from './endpoints';

export type Face = 'inputs' | 'outputs';

function withPorts(one: Definition, face: Face, change: (ports: PortDeclaration[]) => PortDeclaration[]): Definition {
  return { ...one, [face]: change(one[face]) };
}

/** A new port; an output comes from the first input, or from a node, until it is connected. */
export function addPort(document: DesignDocument, place: string, face: Face): DesignDocument | Refusal {
  const around = document.definitions[place]!;
  const name = uniqueName(face === 'inputs' ? 'x' : 'out', (one) => around[face].some((port) => port.name === one));
  if (face === 'inputs') return withDefinition(document, place, (one) => withPorts(one, face, (ports) => [...ports, { name, role: 'map', shape: 'B C H W' }]));
  const from = around.inputs[0] ? [around.inputs[0].name] : Object.keys(around.nodes).slice(0, 1).flatMap((id) => [id, 'out']);
  if (from.length === 0) return new Refusal('An output comes from somewhere: add an input or a node first');
  return withDefinition(document, place, (one) => ({ ...one, outputs: [...one.outputs, { name, from } satisfies OutputDeclaration] }));
}

/** Change what a port declares: its role, shape, help. */
export function setPort(document: DesignDocument, place: string, face: Face, name: string, change: Partial<Omit<PortDeclaration, 'name'>>): DesignDocument {
  return withDefinition(document, place, (one) => withPorts(one, face, (ports) => ports.map((port) => (port.name === name ? { ...port, ...change } : port))));
}

/** Move a port one place up or down. */
export function movePort(document: DesignDocument, place: string, face: Face, name: string, step: 1 | -1): DesignDocument {
  const ports = document.definitions[place]![face];
  const at = ports.findIndex((port) => port.name === name);
  const to = at + step;
  if (at < 0 || to < 0 || to >= ports.length) return document;
  return withDefinition(document, place, (one) => withPorts(one, face, (before) => {
    const after = [...before];
    [after[at], after[to]] = [after[to]!, after[at]!];
    return after;
  }));
}

export function renamePort(document: DesignDocument, place: string, face: Face, from: string, to: string): DesignDocument | Refusal {
  if (from === to) return document;
  if (!isName(to)) return new Refusal(`"${to}" is not a name: letters, digits and _ only, no digit first`);
  if (document.definitions[place]![face].some((port) => port.name === to)) return new Refusal(`There is already a port named "${to}"`);
  const inner = withDefinition(document, place, (one) => {
    const renamed = withPorts(one, face, (ports) => ports.map((port) => (port.name === from ? { ...port, name: to } : port)));
    return face === 'outputs' ? renamed : inside(renamed, (source) => (source === from ? to : source));
  });
  const [before, after] = face === 'inputs' ? [inputId(from), inputId(to)] : [outputId(from), outputId(to)];
  const { [before]: at, ...layout } = inner.layout?.[place] ?? {};
  const moved = at ? { ...inner, layout: { ...inner.layout, [place]: { ...layout, [after]: at } } } : inner;
  return atCalls(moved, place, face, from, (text) => formatEndpoint({ ...parseEndpoint(text), port: to }));
}

/** Take a port away, with the links of its calls and, of an input, those that it feeds. */
export function removePort(document: DesignDocument, place: string, face: Face, name: string): DesignDocument | Refusal {
  const around = document.definitions[place]!;
  const fed = around.outputs.find((port) => face === 'inputs' && port.from.length === 1 && port.from[0] === name);
  if (fed) return new Refusal(`The output ${fed.name} comes from ${name}: connect it elsewhere first`);
  if (face === 'outputs' && around.outputs.length === 1) return new Refusal(`${place} has no other output: without one it does nothing`);
  const inner = withDefinition(document, place, (one) => {
    const without = withPorts(one, face, (ports) => ports.filter((port) => port.name !== name));
    return face === 'outputs' ? without : { ...without, edges: without.edges.filter(([source]) => source !== name) };
  });
  return atCalls(inner, place, face, name, () => undefined);
}

/** A definition with the sources of its edges and outputs that are inputs renamed. */
function inside(one: Definition, rename: (source: string) => string): Definition {
  return {
    ...one,
    edges: one.edges.map(([source, target]): EdgePair => [rename(source), target]),
    outputs: one.outputs.map((port) => (port.from.length === 1 ? { ...port, from: [rename(port.from[0]!)] } : port)),
  };
}

/** Change the links at port `name` of every call of `place`; what becomes undefined goes. */
function atCalls(document: DesignDocument, place: string, face: Face, name: string, change: (endpoint: string) => string | undefined): DesignDocument {
  const definitions = Object.entries(document.definitions).map(([key, one]): [string, Definition] => {
    const calls = new Set(Object.entries(one.nodes).filter(([, node]) => calleeOf(one, node) === place).map(([id]) => id));
    const touched = (text: string): boolean => calls.has(parseEndpoint(text).node ?? '') && parseEndpoint(text).port === name;
    if (calls.size === 0) return [key, one];
    const edges = one.edges.flatMap(([source, target]): EdgePair[] => {
      const [from, to] = [face === 'outputs' && touched(source) ? change(source) : source, face === 'inputs' && touched(target) ? change(target) : target];
      return from === undefined || to === undefined ? [] : [[from, to]];
    });
    const outputs = one.outputs.map((port) => {
      const text = port.from.join('.');
      const from = face === 'outputs' && touched(text) ? change(text) : undefined;
      return from === undefined ? port : { ...port, from: [from.slice(0, from.indexOf('.')), from.slice(from.indexOf('.') + 1)] };
    });
    return [key, { ...one, edges, outputs }];
  });
  return { ...document, definitions: Object.fromEntries(definitions) };
}
