/** Undo and redo over immutable snapshots: each holds everything, so no edit can be undone wrongly. */

export interface History<T> {
  readonly past: readonly Entry<T>[];
  readonly present: T;
  readonly future: readonly Entry<T>[];
}

/** A snapshot and the name of the edit that leads from it to its successor. */
export interface Entry<T> {
  readonly state: T;
  readonly label: string;
  readonly merge?: string;
}

const LIMIT = 500;

export function startHistory<T>(present: T): History<T> {
  return { past: [], present, future: [] };
}

/**
 * Record an edit. Edits that follow each other with the same `merge` key (a slider, arrow keys) are undone
 * together.
 */
export function record<T>(history: History<T>, next: T, label: string, merge?: string): History<T> {
  if (next === history.present) return history;
  const last = history.past.at(-1);
  const joins = merge !== undefined && last?.merge === merge && history.future.length === 0;
  const past = joins ? history.past : [...history.past, { state: history.present, label, merge }].slice(-LIMIT);
  return { past, present: next, future: [] };
}

export function undo<T>(history: History<T>): History<T> {
  const entry = history.past.at(-1);
  if (!entry) return history;
  return {
    past: history.past.slice(0, -1),
    present: entry.state,
    future: [{ state: history.present, label: entry.label }, ...history.future],
  };
}

export function redo<T>(history: History<T>): History<T> {
  const [entry, ...future] = history.future;
  if (!entry) return history;
  return { past: [...history.past, { state: history.present, label: entry.label }], present: entry.state, future };
}
