/** What Python says of a document, indexed for the canvas. */

import { calleeOf } from './calls';
import type { DesignDocument } from './document';
import { calledDefinitions } from './graph';

export type Severity = 'error' | 'warning' | 'info';

export interface Fix {
  title: string;
  operations: Record<string, unknown>[];
}

export interface Diagnostic {
  code: string;
  severity: Severity;
  /** "Definition/node", "Definition", or "" for the document. */
  node: string;
  port: string;
  message: string;
  received?: string;
  expected?: string;
  fix?: Fix | null;
  reference?: string;
  path?: string[];
}

/** Cost of a node of the main definition. */
export interface NodeCost {
  node: string;
  parameters: number;
  flops: number;
  activation_bytes: number;
  activation_bytes_checkpointed: number;
  forward_bytes: number;
}

export interface Summary {
  at: Record<string, number>;
  parameters: number;
  trainable: number;
  flops: number;
  activation_bytes_forward: number;
  activation_bytes_training: number;
  activation_bytes_checkpointed: number;
  memory: Record<'weights' | 'gradients' | 'optimizer' | 'average' | 'inference' | 'training' | 'training_checkpointed', number>;
  nodes: NodeCost[];
}

export interface CheckResult {
  ok: boolean;
  certificate: string;
  diagnostics: Diagnostic[];
  shapes: Record<string, string>;
  summary?: Summary | null;
}

export interface SourceLine {
  file: string;
  line: number;
  definition: string;
  node: string;
}

export interface Rendered {
  source: Record<string, string>;
  source_map: SourceLine[];
  /** Why there is no source; empty when there is. */
  problem: string;
}

/** The state of one card: its own problems, and whether problems lie inside what it calls. */
export interface Mark {
  severity: Severity;
  own: Diagnostic[];
  inner: number;
}

export const EMPTY_CHECK: CheckResult = { ok: true, certificate: '', diagnostics: [], shapes: {} };

const RANK: Record<Severity, number> = { info: 0, warning: 1, error: 2 };

export const worse = (a: Severity, b: Severity): Severity => (RANK[a] >= RANK[b] ? a : b);

const ADVICE_PLACES = 3;

/** Every error, and each advice at its first places, in the order of expected effect in which they come. */
export function firstPlaces(diagnostics: Diagnostic[]): Diagnostic[] {
  const places = new Map<string, number>();
  return diagnostics.filter((one) => {
    const count = (places.get(one.code) ?? 0) + (one.severity === 'error' ? 0 : 1);
    places.set(one.code, count);
    return one.severity === 'error' || count <= ADVICE_PLACES;
  });
}

/** The definition and node that a diagnostic names. */
export function placeOf(diagnostic: Diagnostic): { definition: string; node: string } {
  const [definition = '', node = ''] = diagnostic.node.split('/');
  return { definition, node };
}

/** Marks of the cards of `definition`, by node name. Problems inside a call surface on the call. */
export function marksOf(document: DesignDocument, definition: string, diagnostics: Diagnostic[]): Map<string, Mark> {
  const marks = new Map<string, Mark>();
  const touch = (node: string, diagnostic: Diagnostic, own: boolean): void => {
    const mark = marks.get(node) ?? { severity: 'info', own: [], inner: 0 };
    marks.set(node, {
      severity: worse(mark.severity, diagnostic.severity),
      own: own ? [...mark.own, diagnostic] : mark.own,
      inner: mark.inner + (own ? 0 : 1),
    });
  };
  for (const diagnostic of diagnostics) {
    const place = placeOf(diagnostic);
    if (place.definition === definition && place.node) touch(place.node, diagnostic, true);
  }
  const calls = Object.entries(document.definitions[definition]?.nodes ?? {});
  for (const [name, node] of calls) {
    const callee = calleeOf(document.definitions[definition]!, node);
    if (!Object.hasOwn(document.definitions, callee)) continue;
    const inside = calledDefinitions(document.definitions, callee);
    for (const diagnostic of diagnostics) if (diagnostic.severity !== 'info' && inside.has(placeOf(diagnostic).definition)) touch(name, diagnostic, false);
  }
  return marks;
}

/** One step of a path into nested definitions: the definition, and the call through which it was entered. */
export interface Step {
  definition: string;
  via?: string;
}

/** The shortest way from the main definition to `definition`, or just that one when nothing calls it. */
export function pathTo(document: DesignDocument, definition: string): Step[] {
  const queue: Step[][] = [[{ definition: document.main }]];
  const seen = new Set([document.main]);
  while (queue.length > 0) {
    const path = queue.shift()!;
    const at = path.at(-1)!.definition;
    if (at === definition) return path;
    for (const [via, node] of Object.entries(document.definitions[at]?.nodes ?? {})) {
      const callee = calleeOf(document.definitions[at]!, node);
      if (seen.has(callee) || !Object.hasOwn(document.definitions, callee)) continue;
      seen.add(callee);
      queue.push([...path, { definition: callee, via }]);
    }
  }
  return [{ definition }];
}
