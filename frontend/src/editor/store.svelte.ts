/** The state of the editor: the document and its history, where we are, what is selected, what Python says. */

import { type CheckResult, type Diagnostic, EMPTY_CHECK, type Mark, type Rendered, type Step, marksOf, pathTo, placeOf } from '../core/annotations';
import { calleeOf } from '../core/calls';
import { type Clip, copy, paste } from '../core/clipboard';
import { type CardPort, LinkRules } from '../core/connection';
import { type Catalogue, type Definition, type DesignDocument, type NodeCall, type Point, serialise } from '../core/document';
import * as edits from '../core/edits';
import { type History, record, redo, startHistory, undo } from '../core/history';
import { autoLayout, positionsOf } from '../core/layout';
import { calledDefinitions } from '../core/graph';
import { type Library, withComposite } from '../core/library';
import { channelsOf } from '../core/routes';
import type { PortFilter } from '../core/search';
import { readable, shapeOf } from '../core/shapes';
import { type Signature, declaration, signatureOf } from '../core/signature';
import { type Card, type View, type Wire, viewOf } from '../core/view';
import { type CardNode, type WireEdge, flowEdges, flowNodes } from './flow';

interface Snapshot {
  document: DesignDocument;
  path: Step[];
}

export interface Toast {
  id: number;
  kind: 'info' | 'error';
  text: string;
  action?: { label: string; run: () => void };
}

/** A link being dragged: where it starts, and why each port of the other side would refuse it. */
export interface Dragging {
  from: CardPort;
  direction: 'in' | 'out';
  refusals: Map<string, string>;
}

export interface SearchRequest {
  /** Where the palette opens, in pixels of the canvas; where a block lands, in canvas coordinates. */
  at: Point;
  drop: Point;
  filter?: PortFilter;
  link?: { end: CardPort; direction: 'in' | 'out' };
}

export type PanelTab = 'problems' | 'code' | 'training' | 'export';

const EMPTY_VIEW: View = { definition: '', cards: [], wires: [], phases: { isU: false, of: () => 'down', level: () => undefined, isSkip: () => false } };

export class EditorStore {
  catalogue = $state.raw<Catalogue>({});
  library = $state.raw<Library>({});
  history = $state.raw<History<Snapshot>>(startHistory({ document: { format: 'diffusion-design', format_version: 1, name: '', main: '', definitions: {} }, path: [] }));
  path = $state.raw<Step[]>([]);
  nodes = $state.raw<CardNode[]>([]);
  edges = $state.raw<WireEdge[]>([]);
  selected = $state.raw<ReadonlySet<string>>(new Set());
  selectedEdges = $state.raw<ReadonlySet<string>>(new Set());
  view = $state.raw<View>(EMPTY_VIEW);
  revision = $state(0);

  check = $state.raw<CheckResult>(EMPTY_CHECK);
  checkedRevision = $state(-1);
  rendered = $state.raw<Rendered>({ source: {}, source_map: [], problem: '' });
  connected = $state(true);

  file = $state<string | null>(null);
  base = $state<string | null>(null);
  savedText = $state.raw('');

  dark = $state(false);
  dragging = $state.raw<Dragging | null>(null);
  searching = $state.raw<SearchRequest | null>(null);
  dialog = $state<'gallery' | 'save' | 'keys' | null>(null);
  tab = $state<PanelTab>('code');
  panelOpen = $state(true);
  toasts = $state.raw<Toast[]>([]);
  minimap = $state(false);
  /** A card that should be brought into view: set by a jump, consumed by the canvas. */
  reveal = $state.raw<{ ids: string[]; at: number } | null>(null);

  marks = $derived<Map<string, Mark>>(marksOf(this.document, this.definitionName, this.check.diagnostics));
  costs = $derived(new Map((this.check.summary?.nodes ?? []).map((cost) => [`${this.document.main}/${cost.node}`, cost])));
  errors = $derived(this.check.diagnostics.filter((one) => one.severity === 'error').length);
  warnings = $derived(this.check.diagnostics.filter((one) => one.severity === 'warning').length);
  dirty = $derived(serialise(this.document) !== this.savedText);

  onchange: () => void = () => undefined;
  private clip: Clip | null = null;
  private pastes = 0;
  private toastCount = 0;

  get document(): DesignDocument {
    return this.history.present.document;
  }

  get definitionName(): string {
    return this.path.at(-1)?.definition ?? this.document.main;
  }

  get definition(): Definition | undefined {
    return this.document.definitions[this.definitionName];
  }

  get canUndo(): boolean {
    return this.history.past.length > 0;
  }

  get canRedo(): boolean {
    return this.history.future.length > 0;
  }

  /** Show a document as opened: history starts anew. */
  load(document: DesignDocument, origin: { file: string | null; base: string | null; saved: boolean }): void {
    const path = [{ definition: document.main }];
    this.history = startHistory({ document, path });
    this.path = path;
    this.file = origin.file;
    this.base = origin.base;
    this.savedText = origin.saved ? serialise(document) : '';
    this.selected = new Set();
    this.selectedEdges = new Set();
    this.check = EMPTY_CHECK;
    this.rendered = { source: {}, source_map: [], problem: '' };
    this.touch();
    this.revealAll();
  }

  /** Make an edit; a refusal is shown with its reason. Returns whether the document changed. */
  apply(label: string, change: (document: DesignDocument) => DesignDocument | edits.Refusal, merge?: string): boolean {
    const next = change(this.document);
    if (next instanceof edits.Refusal) {
      this.toast(next.reason, 'error');
      return false;
    }
    if (next === this.document) return false;
    this.history = record(this.history, { document: next, path: this.path }, label, merge);
    this.touch();
    return true;
  }

  undo(): void {
    if (!this.canUndo) return;
    const place = this.history.present.path;
    this.history = undo(this.history);
    this.show(place);
  }

  redo(): void {
    if (!this.canRedo) return;
    this.history = redo(this.history);
    this.show(this.history.present.path);
  }

  /** Go to a place of the document, as deep as it still exists. */
  private show(path: Step[]): void {
    const valid = path.findIndex((step) => !Object.hasOwn(this.document.definitions, step.definition));
    const kept = valid < 0 ? path : path.slice(0, valid);
    this.path = kept.length > 0 ? kept : [{ definition: this.document.main }];
    this.touch();
  }

  private touch(): void {
    this.revision += 1;
    this.refresh();
    this.onchange();
  }

  /** Recompute cards and wires of the definition on screen. */
  refresh(): void {
    if (!this.definition) return;
    this.view = viewOf(this.document, this.catalogue, this.definitionName);
    const positions = positionsOf(this.document, this.view);
    this.nodes = flowNodes(this.view, positions, this.selected, this.nodes);
    this.edges = flowEdges(this.view, channelsOf(this.view, positions), this.selectedEdges, this.edges);
  }

  enter(definition: string, via?: string): void {
    if (!Object.hasOwn(this.document.definitions, definition)) return;
    this.goTo([...this.path, { definition, via }]);
  }

  leave(): void {
    if (this.path.length < 2) return;
    const via = this.path.at(-1)!.via;
    this.goTo(this.path.slice(0, -1), via ? [via] : []);
  }

  goTo(path: Step[], select: string[] = []): void {
    this.path = path;
    this.select(select);
    this.refresh();
    this.revealAll();
  }

  /** Show a node wherever it is, entering definitions as needed. */
  jump(definition: string, node: string, via: string[] = []): void {
    if (!Object.hasOwn(this.document.definitions, definition)) return;
    if (definition !== this.definitionName) this.path = this.pathAlong(via, definition);
    this.select(node ? [node] : []);
    this.refresh();
    this.reveal = { ids: node ? [node] : [], at: Date.now() };
  }

  /** The path through the calls `via`, or the shortest one when they do not lead to `definition`. */
  private pathAlong(via: string[], definition: string): Step[] {
    const path: Step[] = [{ definition: this.document.main }];
    for (const name of via) {
      const around = this.document.definitions[path.at(-1)!.definition]!;
      const node = around.nodes[name];
      const callee = node && calleeOf(around, node);
      if (callee === undefined || !Object.hasOwn(this.document.definitions, callee)) break;
      path.push({ definition: callee, via: name });
    }
    return path.at(-1)!.definition === definition ? path : pathTo(this.document, definition);
  }

  jumpTo(diagnostic: Diagnostic): void {
    const place = placeOf(diagnostic);
    if (place.definition) this.jump(place.definition, place.node, diagnostic.path ?? []);
  }

  revealAll(): void {
    this.reveal = { ids: [], at: Date.now() };
  }

  select(ids: Iterable<string>, edgeIds: Iterable<string> = []): void {
    this.selected = new Set(ids);
    this.selectedEdges = new Set(edgeIds);
    this.nodes = this.nodes.map((node) => ((node.selected ?? false) === this.selected.has(node.id) ? node : { ...node, selected: this.selected.has(node.id) }));
    this.edges = this.edges.map((edge) => ((edge.selected ?? false) === this.selectedEdges.has(edge.id) ? edge : { ...edge, selected: this.selectedEdges.has(edge.id) }));
  }

  /** The canvas changed the selection by itself. */
  noteSelection(ids: string[], edgeIds: string[]): void {
    const same = (set: ReadonlySet<string>, list: string[]): boolean => set.size === list.length && list.every((id) => set.has(id));
    if (!same(this.selected, ids)) this.selected = new Set(ids);
    if (!same(this.selectedEdges, edgeIds)) this.selectedEdges = new Set(edgeIds);
  }

  shapeOf(wire: Wire): string | undefined {
    return shapeOf(this.check.shapes, this.definitionName, wire);
  }

  endpointShape(endpoint: string): string | undefined {
    const prefix = `${this.definitionName}/${endpoint}->`;
    const key = Object.keys(this.check.shapes).find((one) => one.startsWith(prefix));
    return key === undefined ? undefined : readable(this.check.shapes[key]!);
  }

  /** The shape at an input or output of the definition on screen. */
  boundaryShape(card: Card): string | undefined {
    const wire = this.view.wires.find((one) => (card.kind === 'input' ? one.source : one.target) === card.id);
    return wire && this.shapeOf(wire);
  }

  outputShape(node: string, port: string): string | undefined {
    return this.endpointShape(`${node}.${port}`);
  }

  /** The number a repeat expression stands for, where it is a number or a parameter of the design. */
  countOf(repeat: string): string | undefined {
    if (/^\d+$/.test(repeat)) return repeat;
    const declared = this.definition?.parameters?.[repeat];
    const given = this.definitionName === this.document.main ? this.document.parameters?.[repeat] : undefined;
    const value = given ?? (declared === undefined ? undefined : declaration(repeat, declared).default);
    return typeof value === 'number' ? String(value) : undefined;
  }

  /** Cut all links of a port. */
  disconnect(card: string, port: string, direction: 'in' | 'out'): void {
    const here = (wire: Wire): boolean => (direction === 'in' ? wire.target === card && wire.targetPort === port : wire.source === card && wire.sourcePort === port);
    const indices = this.view.wires.filter((wire) => wire.index >= 0 && here(wire)).map((wire) => wire.index);
    this.apply('disconnect', (document) => edits.removeEdges(document, this.definitionName, indices));
  }

  /** The signature of a node of the definition on screen. */
  signature(node: NodeCall): Signature {
    return signatureOf(this.document, this.catalogue, calleeOf(this.definition!, node));
  }

  /** Positions as they are on screen now. */
  positions(): Record<string, Point> {
    return Object.fromEntries(this.nodes.map((node) => [node.id, [node.position.x, node.position.y] as Point]));
  }

  add(call: string, at: Point): string | null {
    const place = this.definitionName;
    let added: string | null = null;
    this.apply(`add ${call}`, (document) => {
      if (Object.hasOwn(document.definitions, call) && calledDefinitions(document.definitions, call).has(place)) {
        return new edits.Refusal(`${call} contains ${place}: a definition cannot contain itself`);
      }
      const composite = Object.hasOwn(document.definitions, call) ? undefined : this.library[call];
      const known = composite ? withComposite(document, composite) : document;
      const result = edits.addNode(edits.moveNodes(known, place, this.positions()), place, call, at);
      added = result.name;
      return result.document;
    });
    if (added !== null) this.select([added]);
    return added;
  }

  link(from: CardPort, to: CardPort): boolean {
    const rules = this.rules();
    const old = rules.occupant(to);
    const changed = this.apply('connect', () => rules.link(from, to));
    if (changed && old !== undefined) this.toast(`Replaced the link from ${old}`, 'info', { label: 'Undo', run: () => this.undo() });
    return changed;
  }

  rules(): LinkRules {
    return new LinkRules(this.document, this.catalogue, this.definitionName);
  }

  removeSelection(): void {
    const place = this.definitionName;
    const indices = this.view.wires.filter((wire) => this.selectedEdges.has(wire.id) && wire.index >= 0).map((wire) => wire.index);
    const ids = [...this.selected];
    const changed = this.apply('delete', (document) => edits.removeNodes(edits.removeEdges(edits.moveNodes(document, place, this.positions()), place, indices), place, ids));
    if (changed) this.select([]);
  }

  /** Store where cards were dragged to. */
  commitPositions(label = 'move', merge?: string): void {
    this.apply(label, (document) => edits.moveNodes(document, this.definitionName, this.positions()), merge);
  }

  nudge(dx: number, dy: number): void {
    if (this.selected.size === 0) return;
    this.nodes = this.nodes.map((node) => (this.selected.has(node.id) ? { ...node, position: { x: node.position.x + dx, y: node.position.y + dy } } : node));
    this.commitPositions('nudge', `nudge ${[...this.selected].join()}`);
  }

  autoLayout(): void {
    const positions = Object.fromEntries(autoLayout(this.document, this.view));
    this.apply('lay out', (document) => edits.moveNodes(document, this.definitionName, positions));
    this.revealAll();
  }

  copySelection(): boolean {
    const clip = copy(this.document, this.definitionName, this.selected, this.positions());
    if (!clip) return false;
    this.clip = clip;
    this.pastes = 0;
    return true;
  }

  pasteClip(keepIncoming = false): void {
    const { clip } = this;
    if (!clip) return;
    const recursive = Object.values(clip.nodes).find((node) => Object.hasOwn(this.document.definitions, node.call) && calledDefinitions(this.document.definitions, node.call).has(this.definitionName));
    if (recursive) {
      this.toast(`${recursive.call} contains ${this.definitionName}: a definition cannot contain itself`, 'error');
      return;
    }
    this.pastes += 1;
    const offset = [32 * this.pastes, 32 * this.pastes] as const;
    let names: string[] = [];
    this.apply('paste', (document) => {
      const result = paste(edits.moveNodes(document, this.definitionName, this.positions()), this.definitionName, clip, offset, keepIncoming);
      names = result.names;
      return result.document;
    });
    this.select(names);
  }

  duplicate(): void {
    const kept = this.clip;
    if (this.copySelection()) this.pasteClip();
    this.clip = kept ?? this.clip;
  }

  /** Begin dragging a link: note why each port of the other side would refuse it. */
  startDrag(from: CardPort, direction: 'in' | 'out'): void {
    const rules = this.rules();
    const refusals = new Map<string, string>();
    for (const card of this.view.cards) {
      for (const port of card.ports) {
        if (port.direction === direction) continue;
        const end = { card: card.id, port: port.name };
        const reason = direction === 'out' ? rules.refusal(from, end) : rules.refusal(end, from);
        if (reason !== null) refusals.set(`${card.id}|${port.name}`, reason);
      }
    }
    this.dragging = { from, direction, refusals };
  }

  toast(text: string, kind: Toast['kind'] = 'info', action?: Toast['action'], milliseconds = kind === 'error' ? 7000 : 4500): void {
    const id = (this.toastCount += 1);
    this.toasts = [...this.toasts.filter((toast) => toast.text !== text), { id, kind, text, action }].slice(-3);
    setTimeout(() => this.dismiss(id), milliseconds);
  }

  dismiss(id: number): void {
    this.toasts = this.toasts.filter((toast) => toast.id !== id);
  }

  /** Open the search palette; the canvas gives it a place. */
  openSearch: (request?: Partial<SearchRequest>) => void = () => undefined;

  /** Add a block in the middle of what is on screen; the canvas knows where that is. */
  addAtCentre: (call: string) => void = () => undefined;

  enterSelected(): void {
    if (this.selected.size !== 1) return;
    const [id] = this.selected;
    const target = this.view.cards.find((card) => card.id === id)?.enters;
    if (target) this.enter(target, id);
  }

  /** Esc: close what is open, then drop the selection, then leave the definition. */
  escape(): void {
    if (this.searching) this.searching = null;
    else if (this.dialog) this.dialog = null;
    else if (this.selected.size + this.selectedEdges.size > 0) this.select([]);
    else this.leave();
  }

  showTab(tab: PanelTab): void {
    this.tab = tab;
    this.panelOpen = true;
  }
}
