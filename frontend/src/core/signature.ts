/** What a call offers: its ports and parameters, from the catalogue or from a definition of the document. */

import type { BlockSpec, Catalogue, Definition, DesignDocument, ParameterDeclaration, PortDeclaration, Value } from './document';

export interface Signature {
  kind: 'block' | 'definition' | 'unknown';
  name: string;
  title: string;
  summary: string;
  family: string;
  inputs: PortDeclaration[];
  outputs: PortDeclaration[];
  parameters: ParameterDeclaration[];
  spec?: BlockSpec;
}

/** The signature of `call`. A definition hides a block of the same name, as in Python. */
export function signatureOf(document: DesignDocument, catalogue: Catalogue, call: string): Signature {
  if (Object.hasOwn(document.definitions, call)) return definitionSignature(document, call);
  const spec = Object.hasOwn(catalogue, call) ? catalogue[call] : undefined;
  if (spec) return blockSignature(spec);
  return { kind: 'unknown', name: call, title: call, summary: 'This block is not in the catalogue.', family: 'unknown', inputs: [], outputs: [], parameters: [] };
}

function blockSignature(spec: BlockSpec): Signature {
  const roles = new Map(spec.inputs.map((port) => [port.name, port.role]));
  const outputs = spec.outputs.map((port) => ({ ...port, role: followRole(port.role, roles) }));
  return {
    kind: 'block', name: spec.name, title: spec.title || spec.name, summary: spec.summary, family: spec.family,
    inputs: spec.inputs, outputs, parameters: spec.parameters, spec,
  };
}

/** Output role "same:x" is the role of input x. */
function followRole(role: string | undefined, inputs: Map<string, string | undefined>): string | undefined {
  return role?.startsWith('same:') ? inputs.get(role.slice(5)) : role;
}

function definitionSignature(document: DesignDocument, name: string): Signature {
  const definition = document.definitions[name]!;
  return {
    kind: 'definition', name, title: name, summary: definition.doc ?? '', family: 'definition',
    inputs: definition.inputs, outputs: definition.outputs,
    parameters: parametersOf(definition),
  };
}

/** The parameters of a definition. One without default that names a size of an input is inferred from it. */
export function parametersOf(definition: Definition): ParameterDeclaration[] {
  const sizes = new Set(definition.inputs.flatMap((port) => (port.shape ?? '').split(/\s+/)));
  return Object.entries(definition.parameters ?? {}).map(([name, value]) => {
    const declared = declaration(name, value);
    return declared.default === undefined && sizes.has(name) ? { ...declared, inferred: true } : declared;
  });
}

/** A definition may declare a parameter by its default alone. */
export function declaration(name: string, value: ParameterDeclaration | Value): ParameterDeclaration {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value, type: value.type ?? 'int', name };
  return { name, type: typeOf(value), default: value };
}

function typeOf(value: Value): ParameterDeclaration['type'] {
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'number') return Number.isInteger(value) ? 'int' : 'float';
  return Array.isArray(value) ? 'list' : 'str';
}
