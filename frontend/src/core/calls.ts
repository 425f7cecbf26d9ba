/** What a node calls. A socket, written "=parameter", is filled by a parameter of the definition around it. */

import type { Definition, NodeCall } from './document';

/** The socket of a node: the name of the parameter that fills it, or undefined for a plain call. */
export const socketOf = (node: NodeCall): string | undefined => (node.call.startsWith('=') ? node.call.slice(1) : undefined);

/** The block or definition that `node` calls; for a socket its default filling. */
export function calleeOf(definition: Definition, node: NodeCall): string {
  const socket = socketOf(node);
  if (socket === undefined) return node.call;
  const declared = definition.parameters?.[socket];
  const filling = typeof declared === 'object' && declared !== null && 'default' in declared ? declared.default : declared;
  return typeof filling === 'string' ? filling : node.call;
}

/** Definitions that `definition` calls, or hands to a call as the filling of a socket. */
export function calleesOf(definitions: Record<string, Definition>, definition: Definition): Set<string> {
  const named = Object.values(definition.nodes).flatMap((node) => [calleeOf(definition, node), ...Object.values(node.params ?? {})]);
  return new Set(named.filter((name): name is string => typeof name === 'string' && Object.hasOwn(definitions, name)));
}
