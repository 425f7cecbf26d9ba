/** A definition gets another name, wherever it is called or fills a socket. */

import { type Definition, type DesignDocument, type ParameterDeclaration, type Value, type Values, isName } from './document';
import { Refusal } from './edits';

export function renameDefinition(document: DesignDocument, from: string, to: string): DesignDocument | Refusal {
  if (from === to) return document;
  if (!isName(to)) return new Refusal(`"${to}" is not a name: letters, digits and _ only, no digit first`);
  if (Object.hasOwn(document.definitions, to)) return new Refusal(`There is already a definition named "${to}"`);
  const name = (old: string): string => (old === from ? to : old);
  const keys = <T>(values: Record<string, T>): Record<string, T> => Object.fromEntries(Object.entries(values).map(([key, value]) => [name(key), value]));
  const definitions = Object.fromEntries(Object.entries(document.definitions).map(([key, one]) => [name(key), renamedIn(one, name)]));
  return {
    ...document,
    main: name(document.main),
    definitions,
    ...(document.parameters ? { parameters: values(document.parameters, name) } : {}),
    ...(document.layout ? { layout: keys(document.layout) } : {}),
  };
}

function renamedIn(one: Definition, name: (old: string) => string): Definition {
  const nodes = Object.entries(one.nodes).map(([id, node]) => [id, { ...node, call: name(node.call), ...(node.params ? { params: values(node.params, name) } : {}) }]);
  const filled = (declared: ParameterDeclaration | Value): ParameterDeclaration | Value =>
    typeof declared === 'object' && declared !== null && !Array.isArray(declared) && declared.type === 'block' && typeof declared.default === 'string' ? { ...declared, default: name(declared.default) } : declared;
  const parameters = Object.entries(one.parameters ?? {}).map(([key, declared]) => [key, filled(declared)]);
  return { ...one, ...(one.parameters ? { parameters: Object.fromEntries(parameters) } : {}), nodes: Object.fromEntries(nodes) };
}

const values = (given: Values, name: (old: string) => string): Values => Object.fromEntries(Object.entries(given).map(([key, value]) => [key, typeof value === 'string' ? name(value) : value]));
