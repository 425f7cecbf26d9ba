/** The state of the editor: the document and its history, where we are, what is selected, what Python says. */

import { type CheckResult, type Diagnostic, EMPTY_CHECK, type Mark, type Rendered, type Step, marksOf, pathTo, placeOf } from '../core/annotations';
import { calleeOf } from '../core/calls';
import { type CardPort, LinkRules } from '../core/connection';
import { type Catalogue, type Definition, type DesignDocument, type NodeCall, type Point, serialise } from '../core/document';
import { type Box, type Decor, changeBoxes, decorOf, isBoxId } from '../core/decor';
import * as edits from '../core/edits';
import { boundaryName } from '../core/endpoints';
import { type History, record, redo, startHistory, undo } from '../core/history';
import { positionsOf } from '../core/layout';
import { calledDefinitions } from '../core/graph';
import { type Composite, type Library, withComposite } from '../core/library';
import { renameDefinition } from '../core/rename';
import { channelsOf } from '../core/routes';
import { readable, shapeOf } from '../core/shapes';
import { type Signature, declaration, signatureOf } from '../core/signature';
import { type Card, type View, type Wire, viewOf } from '../core/view';
import { type SceneNode, type WireEdge, flowEdges, sceneNodes } from './flow';
import { Surface } from './surface.svelte';

interface Snapshot {
  document: DesignDocument;
  path: Step[];
}

/** A link being dragged: where it starts, and why each port of the other side would refuse it. */
export interface Dragging {
  from: CardPort;
  direction: 'in' | 'out';
  refusals: Map<string, string>;
}

const EMPTY_VIEW: View = { definition: '', cards: [], wires: [], phases: { isU: false, of: () => 'down', level: () => undefined, isSkip: () => false } };

export class EditorStore {
  readonly surface = new Surface();
  catalogue = $state.raw<Catalogue>({});
  /** Composites that ship with the program, and definitions that the user keeps; the user's come first. */
  shipped = $state.raw<Library>({});
  kept = $state.raw<Composite[]>([]);
  library = $derived<Library>({ ...this.shipped, ...Object.fromEntries(this.kept.map((one) => [one.name, one])) });
  history = $state.raw<History<Snapshot>>(startHistory({ document: { format: 'diffusion-design', format_version: 1, name: '', main: '', definitions: {} }, path: [] }));
  path = $state.raw<Step[]>([]);
  nodes = $state.raw<SceneNode[]>([]);
  decor = $state.raw<Decor>({ boxes: {}, pinned: [], folded: [] });
  edges = $state.raw<WireEdge[]>([]);
  selected = $state.raw<ReadonlySet<string>>(new Set());
  selectedEdges = $state.raw<ReadonlySet<string>>(new Set());
  view = $state.raw<View>(EMPTY_VIEW);
  revision = $state(0);

  check = $state.raw<CheckResult>(EMPTY_CHECK);
  checkedRevision = $state(-1);
  rendered = $state.raw<Rendered>({ source: {}, source_map: [], problem: '' });
  /** The source as it was before the last edit that changed it. */
  sourceBefore = $state.raw<Record<string, string>>({});
  connected = $state(true);

  file = $state<string | null>(null);
  base = $state<string | null>(null);
  savedText = $state.raw('');

  dragging = $state.raw<Dragging | null>(null);

  marks = $derived<Map<string, Mark>>(marksOf(this.document, this.definitionName, this.check.diagnostics));
  costs = $derived(new Map((this.check.summary?.nodes ?? []).map((cost) => [`${this.document.main}/${cost.node}`, cost])));
  errors = $derived(this.check.diagnostics.filter((one) => one.severity === 'error').length);
  warnings = $derived(this.check.diagnostics.filter((one) => one.severity === 'warning').length);
  dirty = $derived(serialise(this.document) !== this.savedText);

  onchange: () => void = () => undefined;

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
    this.sourceBefore = {};
    this.touch();
    this.surface.show();
  }

  /** Make an edit; a refusal is shown with its reason. Returns whether the document changed. */
  apply(label: string, change: (document: DesignDocument) => DesignDocument | edits.Refusal, merge?: string): boolean {
    const next = change(this.document);
    if (next instanceof edits.Refusal) {
      this.surface.toast(next.reason, 'error');
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
    this.decor = decorOf(this.document, this.definitionName);
    this.nodes = sceneNodes(this.view, positions, this.decor, this.selected, this.nodes);
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
    this.surface.show();
  }

  /** Show a node wherever it is, entering definitions as needed. */
  jump(definition: string, node: string, via: string[] = []): void {
    if (!Object.hasOwn(this.document.definitions, definition)) return;
    if (definition !== this.definitionName) this.path = this.pathAlong(via, definition);
    this.select(node ? [node] : []);
    this.refresh();
    this.surface.show(node ? [node] : []);
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
    const shape = this.rawShape(endpoint);
    return shape === undefined ? undefined : readable(shape);
  }

  /** The shape at an endpoint as Python writes it. */
  rawShape(endpoint: string): string | undefined {
    const prefix = `${this.definitionName}/${endpoint}->`;
    return Object.entries(this.check.shapes).find(([edge]) => edge.startsWith(prefix))?.[1];
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

  /** The signature of a node of the definition on screen. */
  signature(node: NodeCall): Signature {
    return signatureOf(this.document, this.catalogue, calleeOf(this.definition!, node));
  }

  /** Give the definition on screen another name, everywhere. */
  renameDefinition(to: string): boolean {
    const from = this.definitionName;
    const path = this.path.map((step) => (step.definition === from ? { ...step, definition: to } : step));
    const next = renameDefinition(this.document, from, to);
    if (!(next instanceof edits.Refusal)) this.path = path;
    return this.apply(`rename ${from}`, () => next);
  }

  /** Positions as they are on screen now. */
  positions(): Record<string, Point> {
    return Object.fromEntries(this.nodes.filter((node) => !isBoxId(node.id)).map((node) => [node.id, [node.position.x, node.position.y] as Point]));
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
    if (changed && old !== undefined) this.surface.toast(`Replaced the link from ${old}`, 'info', { label: 'Undo', run: () => this.undo() });
    return changed;
  }

  rules(): LinkRules {
    return new LinkRules(this.document, this.catalogue, this.definitionName);
  }

  /** Store where cards and boxes were dragged to. */
  commitPositions(label = 'move', merge?: string): void {
    const boxes = this.nodes.filter((node) => isBoxId(node.id)).map((node): [string, Partial<Box>] => [boundaryName(node.id), { at: [node.position.x, node.position.y], size: [node.width ?? 0, node.height ?? 0] }]);
    this.apply(label, (document) => changeBoxes(edits.moveNodes(document, this.definitionName, this.positions()), this.definitionName, Object.fromEntries(boxes)), merge);
  }

  /** Move the selected cards, pinned ones apart. */
  nudge(dx: number, dy: number): void {
    const moving = (node: SceneNode): boolean => this.selected.has(node.id) && node.draggable !== false;
    if (!this.nodes.some(moving)) return;
    this.nodes = this.nodes.map((node) => (moving(node) ? { ...node, position: { x: node.position.x + dx, y: node.position.y + dy } } : node));
    this.commitPositions('nudge', `nudge ${[...this.selected].join()}`);
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

  /** Esc: close what is open, then drop the selection, then leave the definition. */
  escape(): void {
    if (this.surface.close()) return;
    if (this.selected.size + this.selectedEdges.size > 0) this.select([]);
    else this.leave();
  }
}
