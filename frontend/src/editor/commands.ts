/** Every action in one table: the keyboard, the palette, the key panel and tooltips read it. */

import type { Action } from '../core/search';
import type { EditorContext } from './context';
import { chord, keymap } from './keymap.svelte';
import { exportPicture } from './picture';
import { neighbour } from './walk';

export interface Command {
  id: string;
  title: string;
  /** As shown to people; "Ctrl" also accepts Command. Alternatives are separated by two spaces. */
  keys: string;
  group: 'File' | 'Edit' | 'View' | 'Run';
  /** Works while a field has the focus. */
  always?: boolean;
  run(context: EditorContext): void;
  /** Why it cannot be done now, or null. */
  obstacle?(context: EditorContext): string | null;
}

type Run = Command['run'];
type Obstacle = Command['obstacle'];
const STEP = 8;

const command = (group: Command['group'], always = false) => (id: string, title: string, keys: string, run: Run, obstacle?: Obstacle): Command => ({ id, title, keys, group, always, run, obstacle });
const file = command('File', true);
const edit = command('Edit');
const view = command('View');
const anywhere = command('View', true);
const running = command('Run', true);

const nudge = (id: string, title: string, keys: string, x: number, y: number): Command => edit(id, title, keys, ({ store }) => store.nudge(x * STEP, y * STEP), ({ actions }) => actions.needs.something());

export const COMMANDS: Command[] = [
  file('save', 'Save', 'Ctrl+S', ({ session }) => void session.save()),
  file('open', 'Presets and files', 'Ctrl+O', ({ store }) => (store.surface.dialog = 'gallery')),
  file('download', 'Download the design as a file', '', ({ session }) => session.download()),
  file('package', 'Download as a package that trains', '', ({ session }) => void session.downloadPackage(), ({ store }) => (store.errors > 0 ? 'The design has errors' : null)),
  file('keep', 'Keep the definition in my palette', '', ({ session }) => void session.keepDefinition()),
  file('svg', 'Export the canvas as SVG', '', ({ store }) => void exportPicture(store, 'svg')),
  file('png', 'Export the canvas as PNG', '', ({ store }) => void exportPicture(store, 'png')),
  file('compare', 'Compare with another design', '', ({ store }) => (store.surface.dialog = 'compare')),
  edit('undo', 'Undo', 'Ctrl+Z', ({ store }) => store.undo(), ({ store }) => (store.canUndo ? null : 'Nothing to undo')),
  edit('redo', 'Redo', 'Ctrl+Y  Ctrl+Shift+Z', ({ store }) => store.redo(), ({ store }) => (store.canRedo ? null : 'Nothing to redo')),
  edit('copy', 'Copy', 'Ctrl+C', ({ actions }) => void actions.copy(), ({ actions }) => actions.needs.calls()),
  edit('cut', 'Cut', 'Ctrl+X', ({ actions }) => actions.copy() && actions.remove(), ({ actions }) => actions.needs.calls()),
  edit('paste', 'Paste', 'Ctrl+V', ({ actions }) => actions.paste(), ({ actions }) => actions.needs.clip()),
  edit('paste-linked', 'Paste, keeping incoming links', 'Ctrl+Shift+V', ({ actions }) => actions.paste(true), ({ actions }) => actions.needs.clip()),
  edit('duplicate', 'Duplicate', 'Ctrl+D', ({ actions }) => actions.duplicate(), ({ actions }) => actions.needs.calls()),
  edit('delete', 'Delete the selection', 'Delete  Backspace', ({ actions }) => actions.remove(), ({ actions }) => actions.needs.something()),
  edit('select-all', 'Select all', 'Ctrl+A', ({ store }) => store.select(store.nodes.map((node) => node.id))),
  edit('connect', 'Connect the node to …', 'C', ({ store }) => store.surface.openSearch({ mode: 'links' }), ({ store }) => (store.selected.size === 1 ? null : 'Select one node first')),
  edit('extract', 'Selection to a definition', 'Ctrl+Shift+E', ({ actions }) => actions.extract(), ({ actions }) => actions.needs.extract()),
  edit('inline', 'Definition to its nodes', 'Ctrl+Shift+G', ({ actions }) => actions.inline(), ({ actions }) => actions.needs.inline()),
  edit('bypass', 'Bypass, or take it back', 'Ctrl+B', ({ actions }) => actions.bypass(), ({ actions }) => actions.needs.bypass()),
  edit('mute', 'Mute the branch, or take it back', 'Ctrl+M', ({ actions }) => actions.mute(), ({ actions }) => actions.needs.mute()),
  edit('pin', 'Pin, or let go', 'P', ({ actions }) => actions.mark('pinned'), ({ actions }) => actions.needs.calls()),
  edit('collapse', 'Collapse, or unfold', 'Alt+C', ({ actions }) => actions.mark('folded'), ({ actions }) => actions.needs.calls()),
  edit('frame', 'Frame around the selection', 'Ctrl+G', ({ actions }) => actions.frame(), ({ actions }) => actions.needs.calls()),
  edit('note', 'Write a note', 'N', ({ actions }) => actions.note()),
  edit('layout', 'Lay out', 'L', ({ actions }) => actions.autoLayout()),
  nudge('left', 'Nudge left', 'ArrowLeft', -1, 0),
  nudge('right', 'Nudge right', 'ArrowRight', 1, 0),
  nudge('up', 'Nudge up', 'ArrowUp', 0, -1),
  nudge('down', 'Nudge down', 'ArrowDown', 0, 1),
  nudge('far-left', 'Nudge left ×4', 'Shift+ArrowLeft', -4, 0),
  nudge('far-right', 'Nudge right ×4', 'Shift+ArrowRight', 4, 0),
  nudge('far-up', 'Nudge up ×4', 'Shift+ArrowUp', 0, -4),
  nudge('far-down', 'Nudge down ×4', 'Shift+ArrowDown', 0, 4),
  anywhere('search', 'Search: add a block, find a node', 'Ctrl+K  Ctrl+F', ({ store }) => store.surface.openSearch()),
  anywhere('commands', 'All commands', 'Ctrl+Shift+P', ({ store }) => store.surface.openSearch({ mode: 'commands' })),
  view('next', 'Select the next node', ']', ({ store }) => neighbour(store, 1)),
  view('previous', 'Select the node before', '[', ({ store }) => neighbour(store, -1)),
  view('enter', 'Open the selected definition', 'Enter', ({ actions }) => actions.enter(), ({ actions }) => actions.needs.definition()),
  view('leave', 'Leave the definition', 'Escape', ({ store }) => store.escape()),
  view('fit', 'Fit the view', 'F  .', ({ store }) => store.surface.show()),
  view('minimap', 'Minimap', 'Alt+M', ({ store }) => (store.surface.minimap = !store.surface.minimap)),
  view('predicted', 'Colour by predicted stability', 'Alt+V', ({ session }) => session.prediction.toggle()),
  view('trackpad', 'Trackpad or mouse: scrolling pans or zooms', '', ({ store }) => store.surface.toggleTrackpad()),
  view('theme', 'Dark or light', '', () => document.body.classList.toggle('dark')),
  anywhere('panel', 'Bottom panel', 'Ctrl+J', ({ store }) => (store.surface.panelOpen = !store.surface.panelOpen)),
  view('problems', 'Show the problems', '', ({ store }) => store.surface.showTab('problems')),
  view('code', 'Show the code', '', ({ store }) => store.surface.showTab('code')),
  view('keys', 'Keys and gestures', '?  Ctrl+Shift+K', ({ store }) => (store.surface.dialog = 'keys')),
  view('tour', 'A tour of the editor', '', ({ store }) => (store.surface.dialog = 'tour')),
  running('train', 'Smoke-train', 'Ctrl+Enter', ({ session }) => void session.training.begin(), ({ session }) => session.training.obstacle),
  running('stop', 'Stop the smoke-train', 'Ctrl+Alt+Enter', ({ session }) => void session.training.cancel(), ({ session }) => (session.training.busy ? null : 'Nothing is training')),
  running('export', 'Export to ONNX', '', ({ store }) => store.surface.showTab('export')),
];

/** The command of a key press, or undefined; typing in a field keeps its keys. */
export function commandFor(event: KeyboardEvent): Command | undefined {
  const pressed = chord(event);
  const found = COMMANDS.find((one) => keymap.of(one).includes(pressed));
  const target = event.target as Element | null;
  const typing = target?.closest?.('input, textarea, select, [contenteditable]') ?? (event.key === 'Enter' && target?.closest?.('button, a, summary'));
  return typing && !found?.always ? undefined : found;
}

/** Do it, or say why not. */
export function perform(id: string, context: EditorContext): void {
  const found = COMMANDS.find((one) => one.id === id)!;
  const reason = found.obstacle?.(context) ?? null;
  if (reason === null) found.run(context);
  else context.store.surface.toast(reason, 'error');
}

/** Every command as the search finds it. */
export function actionsNow(context: EditorContext): Action[] {
  return COMMANDS.map((one) => ({ id: one.id, title: one.title, keys: keymap.of(one).join('  '), group: one.group, reason: one.obstacle?.(context) ?? null }));
}

/** The tooltip of a command's button: its title and first key. */
export function tip(id: string): string {
  const found = COMMANDS.find((one) => one.id === id)!;
  const [keys] = keymap.of(found);
  return keys ? `${found.title} (${keys})` : found.title;
}
