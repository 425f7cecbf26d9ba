/** Sizes that a definition takes from its inputs, read off the shapes that Python inferred around its call. */

import type { DesignDocument, PortDeclaration } from './document';
import type { Meaning } from './names';

/** Shapes by edge, as Python names them: "Definition/source->target". */
type Shapes = Record<string, string>;

/** What each size of the inputs of the call `id` is here: a parameter of the definition around, or a number. */
export function sizesOf(document: DesignDocument, shapes: Shapes, place: string, id: string): Map<string, Meaning> {
  const around = document.definitions[place]!;
  const callee = document.definitions[around.nodes[id]?.call ?? ''];
  if (!callee) return new Map();
  const arriving = (port: string): string | undefined => Object.entries(shapes).find(([edge]) => edge.startsWith(`${place}/`) && edge.endsWith(`->${id}.${port}`))?.[1];
  const entering = (port: string): string | undefined => Object.entries(shapes).find(([edge]) => edge.startsWith(`${place}/${port}->`))?.[1];
  const own = bound(around.inputs, entering);
  for (const [name, value] of Object.entries(place === document.main ? (document.parameters ?? {}) : {})) if (typeof value === 'number') own.set(name, String(value));
  const known = new Set(Object.keys(around.parameters ?? {}));
  return new Map([...bound(callee.inputs, arriving)].flatMap(([name, size]): [string, Meaning][] => {
    if (known.has(name) && own.get(name) === size) return [[name, { expression: name }]];
    return /^\d+$/.test(size) ? [[name, { value: Number(size) }]] : [];
  }));
}

/** The size under each name in the shapes of ports. */
function bound(ports: PortDeclaration[], shapeAt: (port: string) => string | undefined): Map<string, string> {
  const sizes = new Map<string, string>();
  for (const port of ports) {
    const [names, values] = [(port.shape ?? '').split(/\s+/), (shapeAt(port.name) ?? '').split(/\s+/)];
    if (names.length === values.length) names.forEach((name, index) => sizes.set(name, values[index]!));
  }
  return sizes;
}
