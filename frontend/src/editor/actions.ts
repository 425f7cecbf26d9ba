/** What a command does with the selection: each an edit of the store, undone in one step. */

import { bypassRefusal, muteRefusal, toggleBypass, toggleMute } from '../core/activity';
import { type Clip, copy, paste } from '../core/clipboard';
import { addBox, boxId, changeBoxes, decorOf, isBoxId, toggleMarks } from '../core/decor';
import type { DesignDocument, Point } from '../core/document';
import * as edits from '../core/edits';
import { boundaryName, isCallId } from '../core/endpoints';
import { extract, extractRefusal } from '../core/extract';
import { calledDefinitions } from '../core/graph';
import { inline, inlineRefusal } from '../core/inline';
import { autoLayout } from '../core/layout';
import { promote } from '../core/promote';
import { sizesOf } from '../core/sizes';
import { type Wire, viewOf } from '../core/view';
import type { EditorStore } from './store.svelte';

const MARGIN = 28;
const TITLE = 22;

export class Actions {
  private clip: Clip | null = null;
  private pastes = 0;

  constructor(private readonly store: EditorStore) {}

  /** The calls among what is selected. */
  get calls(): string[] {
    return [...this.store.selected].filter((id) => isCallId(id) && Object.hasOwn(this.store.definition?.nodes ?? {}, id));
  }

  /** Why an action needs another selection, or null. */
  readonly needs = {
    calls: (): string | null => (this.calls.length > 0 ? null : 'Select a node first'),
    something: (): string | null => (this.store.selected.size + this.store.selectedEdges.size > 0 ? null : 'Nothing is selected'),
    clip: (): string | null => (this.clip ? null : 'Nothing was copied yet'),
    definition: (): string | null => this.enterable() === undefined ? 'Select one call of a definition' : null,
    extract: (): string | null => extractRefusal(this.store.definition!, this.store.selected),
    inline: (): string | null => (this.calls.length === 1 ? inlineRefusal(this.store.document, this.store.definitionName, this.calls[0]!) : 'Select one call of a definition'),
    bypass: (): string | null => this.firstRefusal((id) => bypassRefusal(this.store.document, this.store.catalogue, this.store.definitionName, id, this.shapeAt)),
    mute: (): string | null => this.firstRefusal((id) => muteRefusal(this.store.document, this.store.catalogue, this.store.definitionName, id, this.shapeAt)),
  };

  private firstRefusal(refusal: (id: string) => string | null): string | null {
    const reasons = this.calls.map(refusal);
    return this.calls.length === 0 ? 'Select a node first' : (reasons.find((reason) => reason !== null) ?? null);
  }

  private readonly shapeAt = (endpoint: string): string | undefined => this.store.rawShape(endpoint);

  private enterable(): string | undefined {
    const [id, ...more] = this.store.selected;
    return more.length > 0 ? undefined : this.store.view.cards.find((card) => card.id === id)?.enters;
  }

  /** Edit the definition on screen, with cards where they are now. */
  private edit(label: string, change: (document: DesignDocument, place: string) => DesignDocument | edits.Refusal): boolean {
    const place = this.store.definitionName;
    return this.store.apply(label, (document) => change(edits.moveNodes(document, place, this.store.positions()), place));
  }

  enter(): void {
    const target = this.enterable();
    if (target) this.store.enter(target, [...this.store.selected][0]);
  }

  remove(): void {
    const { view, selected, selectedEdges } = this.store;
    const indices = view.wires.filter((wire) => selectedEdges.has(wire.id) && wire.index >= 0).map((wire) => wire.index);
    const boxes = Object.fromEntries([...selected].filter(isBoxId).map((id) => [boundaryName(id), null]));
    const changed = this.edit('delete', (document, place) => changeBoxes(edits.removeNodes(edits.removeEdges(document, place, indices), place, selected), place, boxes));
    if (changed) this.store.select([]);
  }

  /** Lay the definition out anew; pinned cards stay where they are. */
  autoLayout(): void {
    const { pinned } = decorOf(this.store.document, this.store.definitionName);
    const positions = Object.fromEntries([...autoLayout(this.store.document, this.store.view)].filter(([id]) => !pinned.includes(id)));
    this.edit('lay out', (document, place) => edits.moveNodes(document, place, positions));
    this.store.surface.show();
  }

  copy(): boolean {
    const clip = copy(this.store.document, this.store.definitionName, this.store.selected, this.store.positions());
    if (!clip) return false;
    this.clip = clip;
    this.pastes = 0;
    return true;
  }

  /** Leave the selection where it was and put a copy where it was dragged to. */
  clone(offset: Point): void {
    const kept = this.clip;
    this.store.refresh();
    if (this.copy()) this.paste(false, offset);
    this.clip = kept ?? this.clip;
  }

  paste(keepIncoming = false, exactly?: Point): void {
    const { clip, store } = this;
    if (!clip) return;
    const { definitions } = store.document;
    const recursive = Object.values(clip.nodes).find((node) => Object.hasOwn(definitions, node.call) && calledDefinitions(definitions, node.call).has(store.definitionName));
    if (recursive) {
      store.surface.toast(`${recursive.call} contains ${store.definitionName}: a definition cannot contain itself`, 'error');
      return;
    }
    this.pastes += 1;
    const offset = exactly ?? ([32 * this.pastes, 32 * this.pastes] as const);
    let names: string[] = [];
    this.edit('paste', (document, place) => {
      const result = paste(document, place, clip, offset, keepIncoming);
      names = result.names;
      return result.document;
    });
    store.select(names);
  }

  duplicate(): void {
    const kept = this.clip;
    if (this.copy()) this.paste();
    this.clip = kept ?? this.clip;
  }

  /** Cut all links of a port. */
  disconnect(card: string, port: string, direction: 'in' | 'out'): void {
    const here = (wire: Wire): boolean => (direction === 'in' ? wire.target === card && wire.targetPort === port : wire.source === card && wire.sourcePort === port);
    const indices = this.store.view.wires.filter((wire) => wire.index >= 0 && here(wire)).map((wire) => wire.index);
    this.store.apply('disconnect', (document) => edits.removeEdges(document, this.store.definitionName, indices));
  }

  /** The selected calls become a definition, called in their place. */
  extract(wanted = 'Part'): void {
    let node = '';
    const changed = this.edit('make a definition', (document, place) => {
      const result = extract(document, this.store.catalogue, place, this.store.selected, wanted, this.shapeAt);
      if (result instanceof edits.Refusal) return result;
      node = result.node;
      return result.document;
    });
    if (!changed) return;
    this.store.select([node]);
    this.store.surface.toast('The selection is a definition now: rename it in the inspector, Enter opens it');
  }

  /** The selected call gives way to what it calls. */
  inline(): void {
    const [id] = this.calls;
    if (id === undefined) return;
    let names: string[] = [];
    const changed = this.edit(`inline ${id}`, (document, place) => {
      const { document: design, catalogue, check } = this.store;
      const callee = design.definitions[place]!.nodes[id]!.call;
      const inner = Object.hasOwn(design.definitions, callee) ? autoLayout(design, viewOf(design, catalogue, callee)) : undefined;
      const result = inline(document, catalogue, place, id, sizesOf(design, check.shapes, place, id), inner);
      if (result instanceof edits.Refusal) return result;
      names = result.names;
      return result.document;
    });
    if (changed) this.store.select(names);
  }

  promote(id: string, parameter: string): void {
    this.store.apply(`promote ${id}.${parameter}`, (document) => promote(document, this.store.catalogue, this.store.definitionName, id, parameter));
  }

  bypass(): void {
    this.switchAll('bypass', (document, place, id) => toggleBypass(document, this.store.catalogue, place, id, this.shapeAt));
  }

  mute(): void {
    this.switchAll('mute', (document, place, id) => toggleMute(document, this.store.catalogue, place, id, this.shapeAt));
  }

  private switchAll(label: string, change: (document: DesignDocument, place: string, id: string) => DesignDocument | edits.Refusal): void {
    this.edit(`${label} ${this.calls.join(', ')}`, (document, place) =>
      this.calls.reduce<DesignDocument | edits.Refusal>((one, id) => (one instanceof edits.Refusal ? one : change(one, place, id)), document));
  }

  mark(kind: 'pinned' | 'folded'): void {
    this.edit(kind === 'pinned' ? 'pin' : 'collapse', (document, place) => toggleMarks(document, place, kind, this.calls));
  }

  /** A frame around the selected cards. */
  frame(): void {
    const cards = this.store.nodes.filter((node) => this.store.selected.has(node.id) && !isBoxId(node.id));
    if (cards.length === 0) return;
    const [left, top] = [Math.min(...cards.map((card) => card.position.x)), Math.min(...cards.map((card) => card.position.y))];
    const right = Math.max(...cards.map((card) => card.position.x + (card.width ?? 0)));
    const bottom = Math.max(...cards.map((card) => card.position.y + (card.height ?? 0)));
    this.addBox('frame', 'Frame', [left - MARGIN, top - MARGIN - TITLE], [right - left + 2 * MARGIN, bottom - top + 2 * MARGIN + TITLE]);
  }

  /** A note in the middle of what is on screen. */
  note(at: Point = this.store.surface.centre()): void {
    this.addBox('note', 'Note', at, [200, 72]);
  }

  private addBox(kind: 'frame' | 'note', text: string, at: Point, size: Point): void {
    let name = '';
    this.edit(`add a ${kind}`, (document, place) => {
      const result = addBox(document, place, { kind, text, at, size });
      name = result.name;
      return result.document;
    });
    this.store.select([boxId(name)]);
  }
}
