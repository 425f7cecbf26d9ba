/** The design document as it travels between the browser and Python: plain JSON, never mutated here. */

export type Value = number | boolean | string | null | Value[];
export type Values = Record<string, Value>;
export type Point = readonly [number, number];

export interface ParameterDeclaration {
  name?: string;
  type: 'int' | 'float' | 'bool' | 'str' | 'list' | 'block';
  default?: Value;
  inferred?: boolean;
  min?: number;
  max?: number;
  choices?: Value[];
  unit?: string;
  help?: string;
}

export interface PortDeclaration {
  name: string;
  role?: string;
  shape?: string;
  dtype?: string;
  optional?: boolean;
  stack?: boolean;
  help?: string;
}

/** An output of a definition; `from` is `[node, port]` or `[input]`. */
export interface OutputDeclaration extends PortDeclaration {
  from: string[];
}

export interface NodeCall {
  call: string;
  params?: Values;
  repeat?: number | string;
  when?: string;
  instance?: string;
  checkpoint?: boolean;
  help?: string;
}

export type EdgePair = [source: string, target: string];

export interface Definition {
  doc?: string;
  reference?: string;
  parameters?: Record<string, ParameterDeclaration | Value>;
  inputs: PortDeclaration[];
  outputs: OutputDeclaration[];
  nodes: Record<string, NodeCall>;
  edges: EdgePair[];
}

export interface DesignDocument {
  format: 'diffusion-design';
  format_version: number;
  name: string;
  preset?: string;
  parameters?: Values;
  main: string;
  training?: Record<string, unknown>;
  budgets?: Record<string, unknown>;
  definitions: Record<string, Definition>;
  layout?: Record<string, Record<string, Point>>;
}

export interface BlockSpec {
  name: string;
  title: string;
  family: string;
  summary: string;
  inputs: PortDeclaration[];
  outputs: PortDeclaration[];
  parameters: ParameterDeclaration[];
  formula?: string;
  reference?: string;
  article?: string;
  stability?: { stabilises?: string; mechanism?: string; gain?: string | number; bounded?: boolean };
  kind?: string;
}

export type Catalogue = Record<string, BlockSpec>;

const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;

/** Whether `text` may name a design, definition, node or port. */
export function isName(text: string): boolean {
  return NAME.test(text);
}

/** Serialise as the wire format; key order is kept, so equal documents give equal text. */
export function serialise(document: DesignDocument): string {
  return JSON.stringify(document);
}

/** Parse wire text; throws when it is not an object with definitions. */
export function parse(text: string): DesignDocument {
  const document = JSON.parse(text) as DesignDocument;
  if (typeof document !== 'object' || document === null || !document.definitions) throw new Error('not a design document');
  return document;
}

/** The first of `base`, `base_2`, `base_3` … that is not taken. */
export function uniqueName(base: string, taken: (name: string) => boolean): string {
  if (!taken(base)) return base;
  let count = 2;
  while (taken(`${base}_${count}`)) count += 1;
  return `${base}_${count}`;
}

/** The name a node gets when its block is dropped: `LayerNorm` → `layer_norm`, `TimeMLP` → `time_mlp`, `SiLU` → `silu`. */
export function nodeNameFor(call: string): string {
  return call.replace(/([A-Za-z0-9])(?=[A-Z][a-z])/g, '$1_').replace(/([a-z]{3})(?=[A-Z]{2})/g, '$1_').toLowerCase();
}
