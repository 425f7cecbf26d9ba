import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toggleBypass, toggleMute } from '../src/core/activity';
import { copy, paste } from '../src/core/clipboard';
import { type CardPort, LinkRules } from '../src/core/connection';
import { addBox, changeBoxes, toggleMarks } from '../src/core/decor';
import type { DesignDocument } from '../src/core/document';
import * as edits from '../src/core/edits';
import { parseEndpoint } from '../src/core/endpoints';
import { extract } from '../src/core/extract';
import { calledDefinitions } from '../src/core/graph';
import { type History, record, redo, startHistory, undo } from '../src/core/history';
import { inline } from '../src/core/inline';
import { withComposite } from '../src/core/library';
import { addPort, removePort, renamePort } from '../src/core/ports';
import { promote } from '../src/core/promote';
import { renameDefinition } from '../src/core/rename';
import { CATALOGUE, column } from './documents';

type Step = (document: DesignDocument, definition: string, pick: number, other: number) => DesignDocument | edits.Refusal;

const nodes = (document: DesignDocument, definition: string): string[] => Object.keys(document.definitions[definition]!.nodes);
const some = (names: string[], pick: number): string => names[pick % Math.max(1, names.length)] ?? 'none';
const one = (document: DesignDocument, definition: string, pick: number): string => some(nodes(document, definition), pick);
const cards = (definition: string, document: DesignDocument, pick: number, other: number): [CardPort, CardPort] => {
  const ends = [...nodes(document, definition), '@in.x', '@out.y'];
  const port = (card: string, names: string[]): CardPort => ({ card, port: card.startsWith('@') ? card.slice(card.indexOf('.') + 1) : some(names, pick + other) });
  return [port(some(ends, pick), ['out', 'x']), port(some(ends, other), ['x', 'c', 'a', 'b'])];
};

/** Every operation of the pure core, with whatever nodes the document has just then. */
const STEPS: Record<string, Step> = {
  add: (document, definition, pick) => edits.addNode(document, definition, some(['Layer', 'Add', 'Embed', 'Modulate', 'Stack'], pick), [pick, 2 * pick]).document,
  call: (document, definition, pick) => edits.addNode(document, definition, some(Object.keys(document.definitions).filter((name) => !calledDefinitions(document.definitions, name).has(definition)), pick), [pick, 0]).document,
  remove: (document, definition, pick) => edits.removeNodes(document, definition, [one(document, definition, pick)]),
  rename: (document, definition, pick) => edits.renameNode(document, definition, one(document, definition, pick), `node_${pick}`),
  link: (document, definition, pick, other) => new LinkRules(document, CATALOGUE, definition).link(...cards(definition, document, pick, other)),
  cut: (document, definition, pick) => edits.removeEdges(document, definition, [pick % 7]),
  set: (document, definition, pick) => edits.setParameter(document, definition, one(document, definition, pick), 'size', pick % 5 === 0 ? undefined : pick),
  repeat: (document, definition, pick) => edits.setField(document, definition, one(document, definition, pick), 'repeat', pick % 3 === 0 ? undefined : pick + 1),
  move: (document, definition, pick) => edits.moveNodes(document, definition, { [one(document, definition, pick)]: [pick, pick] }),
  design: (document, _, pick) => edits.setDesignParameter(document, 'depth', pick),
  paste: (document, definition, pick, other) => {
    const clip = copy(document, definition, [one(document, definition, pick), one(document, definition, other)], {});
    return clip ? paste(document, definition, clip, [pick, other], pick % 2 === 0).document : document;
  },
  composite: (document) => withComposite(document, { name: 'Fusion', family: '', title: '', summary: '', definitions: { Fusion: column().definitions.Block! } }),
  extract: (document, definition, pick, other) => {
    const result = extract(document, CATALOGUE, definition, [one(document, definition, pick), one(document, definition, other)], `Part${pick % 4}`);
    return result instanceof edits.Refusal ? result : result.document;
  },
  inline: (document, definition, pick) => {
    const result = inline(document, CATALOGUE, definition, one(document, definition, pick), new Map());
    return result instanceof edits.Refusal ? result : result.document;
  },
  promote: (document, definition, pick) => (nodes(document, definition).length > 0 ? promote(document, CATALOGUE, definition, one(document, definition, pick), 'size') : document),
  bypass: (document, definition, pick) => toggleBypass(document, CATALOGUE, definition, one(document, definition, pick)),
  mute: (document, definition, pick) => toggleMute(document, CATALOGUE, definition, one(document, definition, pick)),
  pin: (document, definition, pick) => toggleMarks(document, definition, 'pinned', [one(document, definition, pick)]),
  fold: (document, definition, pick) => toggleMarks(document, definition, 'folded', [one(document, definition, pick)]),
  frame: (document, definition, pick) => addBox(document, definition, { kind: 'frame', text: 'f', at: [pick, pick], size: [90, 90] }).document,
  note: (document, definition, pick) => changeBoxes(document, definition, { frame: pick % 2 === 0 ? null : { text: String(pick) } }),
  port: (document, definition, pick) => addPort(document, definition, pick % 2 === 0 ? 'inputs' : 'outputs'),
  unport: (document, definition, pick) => removePort(document, definition, pick % 2 === 0 ? 'inputs' : 'outputs', some(document.definitions[definition]!.inputs.map((port) => port.name), pick)),
  face: (document, definition, pick) => renamePort(document, definition, 'inputs', some(document.definitions[definition]!.inputs.map((port) => port.name), pick), `port_${pick % 5}`),
  name: (document, definition, pick) => renameDefinition(document, definition, `Named${pick % 5}`),
  fix: (document, definition, pick) => JSON.parse(JSON.stringify(edits.setParameter(document, definition, one(document, definition, pick), 'size', 1))) as DesignDocument,
};

const sequences = fc.array(fc.tuple(fc.constantFrom(...Object.keys(STEPS)), fc.nat(40), fc.nat(40), fc.nat(40)), { maxLength: 40 });

/** A document that still hangs together: edges and outputs name nodes, calls end. */
function sound(document: DesignDocument): void {
  for (const [name, definition] of Object.entries(document.definitions)) {
    const targets = definition.edges.map(([, target]) => target);
    expect(new Set(targets).size, `${name}: a port has two sources`).toBe(targets.length);
    for (const end of definition.edges.flat()) {
      const { node, port } = parseEndpoint(end);
      if (node === undefined) expect(definition.inputs.map((one) => one.name)).toContain(port);
      else expect(Object.keys(definition.nodes), `${name}: ${end}`).toContain(node);
    }
    expect(calledDefinitions(document.definitions, name).size).toBeGreaterThan(0);
  }
}

describe('history', () => {
  it('returns to the start and to the end, whatever was edited', () => {
    fc.assert(
      fc.property(sequences, (steps) => {
        const start = column();
        let history: History<DesignDocument> = startHistory(start);
        const texts = [JSON.stringify(start)];
        for (const [name, where, pick, other] of steps) {
          const next = STEPS[name]!(history.present, some(Object.keys(history.present.definitions), where), pick, other);
          if (next instanceof edits.Refusal || next === history.present) continue;
          history = record(history, next, name);
          sound(next);
          texts.push(JSON.stringify(next));
        }
        expect(JSON.stringify(start)).toBe(JSON.stringify(column()));
        for (const text of texts.slice(0, -1).reverse()) {
          history = undo(history);
          expect(JSON.stringify(history.present)).toBe(text);
        }
        expect(history.past).toHaveLength(0);
        for (const text of texts.slice(1)) {
          history = redo(history);
          expect(JSON.stringify(history.present)).toBe(text);
        }
        expect(history.future).toHaveLength(0);
        expect(undo(redo(history)).present).toBe(undo(history).present);
      }),
      { numRuns: 2000 },
    );
  }, 60_000);

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
