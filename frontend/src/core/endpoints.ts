/** Endpoints of edges: `node.port`, `node.port[]` (the stack of all iterations), or the name of an input. */

export interface Endpoint {
  /** The node, or undefined for an input of the definition. */
  node?: string;
  port: string;
  stack: boolean;
}

/** The canvas id of an input of the definition; distinct from every node name. */
export const inputId = (name: string): string => `@in.${name}`;
/** The canvas id of an output of the definition. */
export const outputId = (name: string): string => `@out.${name}`;

export const isInputId = (id: string): boolean => id.startsWith('@in.');
export const isOutputId = (id: string): boolean => id.startsWith('@out.');
export const isCallId = (id: string): boolean => !id.startsWith('@');
export const boundaryName = (id: string): string => id.slice(id.indexOf('.') + 1);

export function parseEndpoint(text: string): Endpoint {
  const stack = text.endsWith('[]');
  const plain = stack ? text.slice(0, -2) : text;
  const dot = plain.indexOf('.');
  return dot < 0 ? { port: plain, stack } : { node: plain.slice(0, dot), port: plain.slice(dot + 1), stack };
}

export function formatEndpoint(endpoint: Endpoint): string {
  const plain = endpoint.node === undefined ? endpoint.port : `${endpoint.node}.${endpoint.port}`;
  return endpoint.stack ? `${plain}[]` : plain;
}

/** The canvas node on which an edge's source endpoint sits. */
export const sourceId = (endpoint: Endpoint): string => endpoint.node ?? inputId(endpoint.port);
