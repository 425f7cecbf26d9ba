import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DesignDocument } from '../src/core/document';
import * as edits from '../src/core/edits';
import { type History, record, redo, startHistory, undo } from '../src/core/history';
import { column } from './documents';

type Step = (document: DesignDocument, definition: string, pick: number) => DesignDocument | edits.Refusal;

const nodes = (document: DesignDocument, definition: string): string[] => Object.keys(document.definitions[definition]!.nodes);
const some = (names: string[], pick: number): string => names[pick % Math.max(1, names.length)] ?? 'none';

const STEPS: Record<string, Step> = {
  add: (document, definition, pick) => edits.addNode(document, definition, some(['Layer', 'Add', 'Embed'], pick), [pick, 2 * pick]).document,
  remove: (document, definition, pick) => edits.removeNodes(document, definition, [some(nodes(document, definition), pick)]),
  rename: (document, definition, pick) => edits.renameNode(document, definition, some(nodes(document, definition), pick), `node_${pick}`),
  connect: (document, definition, pick) => edits.connect(document, definition, 'x', `${some(nodes(document, definition), pick)}.x`),
  cut: (document, definition, pick) => edits.removeEdges(document, definition, [pick % 7]),
  set: (document, definition, pick) => edits.setParameter(document, definition, some(nodes(document, definition), pick), 'size', pick),
  repeat: (document, definition, pick) => edits.setField(document, definition, some(nodes(document, definition), pick), 'repeat', pick + 1),
  move: (document, definition, pick) => edits.moveNodes(document, definition, { [some(nodes(document, definition), pick)]: [pick, pick] }),
  design: (document, _, pick) => edits.setDesignParameter(document, 'depth', pick),
};

const sequences = fc.array(fc.tuple(fc.constantFrom(...Object.keys(STEPS)), fc.constantFrom('Main', 'Block'), fc.nat(40)), { maxLength: 40 });

describe('history', () => {
  it('returns to the start and to the end, whatever was edited', () => {
    fc.assert(
      fc.property(sequences, (steps) => {
        const start = column();
        let history: History<DesignDocument> = startHistory(start);
        for (const [name, definition, pick] of steps) {
          const next = STEPS[name]!(history.present, definition, pick);
          if (!(next instanceof edits.Refusal)) history = record(history, next, name);
        }
        const end = JSON.stringify(history.present);
        const depth = history.past.length;
        for (let count = 0; count < depth; count += 1) history = undo(history);
        expect(history.past).toHaveLength(0);
        expect(JSON.stringify(history.present)).toBe(JSON.stringify(column()));
        for (let count = 0; count < depth; count += 1) history = redo(history);
        expect(JSON.stringify(history.present)).toBe(end);
        expect(undo(redo(history)).present).toBe(undo(history).present);
      }),
      { numRuns: 400 },
    );
  });

  it('joins edits of one gesture, and forgets the future after an edit', () => {
    let history = startHistory(0);
    history = record(history, 1, 'nudge', 'a');
    history = record(history, 2, 'nudge', 'a');
    history = record(history, 3, 'nudge', 'b');
    expect(undo(history).present).toBe(2);
    expect(undo(undo(history)).present).toBe(0);
    expect(record(undo(history), 9, 'other').future).toHaveLength(0);
    expect(undo(startHistory(5)).present).toBe(5);
    expect(record(history, 3, 'nothing')).toBe(history);
  });
});
