/** Every action that has a key, in one table: the keyboard, the key panel and tooltips read it. */

import type { EditorContext } from './context';

export interface Command {
  id: string;
  title: string;
  /** As shown to people; "Ctrl" also accepts Command. Alternatives are separated by two spaces. */
  keys: string;
  group: 'File' | 'Edit' | 'View' | 'Run';
  /** Works while a field has the focus. */
  always?: boolean;
  run(context: EditorContext): void;
}

export const COMMANDS: Command[] = [
  { id: 'save', title: 'Save', keys: 'Ctrl+S', group: 'File', always: true, run: ({ session }) => void session.save() },
  { id: 'open', title: 'Presets and files', keys: 'Ctrl+O', group: 'File', always: true, run: ({ store }) => (store.dialog = 'gallery') },
  { id: 'undo', title: 'Undo', keys: 'Ctrl+Z', group: 'Edit', run: ({ store }) => store.undo() },
  { id: 'redo', title: 'Redo', keys: 'Ctrl+Y  Ctrl+Shift+Z', group: 'Edit', run: ({ store }) => store.redo() },
  { id: 'copy', title: 'Copy', keys: 'Ctrl+C', group: 'Edit', run: ({ store }) => void store.copySelection() },
  { id: 'cut', title: 'Cut', keys: 'Ctrl+X', group: 'Edit', run: ({ store }) => store.copySelection() && store.removeSelection() },
  { id: 'paste', title: 'Paste', keys: 'Ctrl+V', group: 'Edit', run: ({ store }) => store.pasteClip() },
  { id: 'paste-linked', title: 'Paste, keeping incoming links', keys: 'Ctrl+Shift+V', group: 'Edit', run: ({ store }) => store.pasteClip(true) },
  { id: 'duplicate', title: 'Duplicate', keys: 'Ctrl+D', group: 'Edit', run: ({ store }) => store.duplicate() },
  { id: 'delete', title: 'Delete the selection', keys: 'Delete  Backspace', group: 'Edit', run: ({ store }) => store.removeSelection() },
  { id: 'select-all', title: 'Select all', keys: 'Ctrl+A', group: 'Edit', run: ({ store }) => store.select(store.nodes.map((node) => node.id)) },
  { id: 'search', title: 'Search: add a block, find a node', keys: 'Ctrl+K  Ctrl+F', group: 'View', always: true, run: ({ store }) => store.openSearch() },
  { id: 'enter', title: 'Open the selected definition', keys: 'Enter', group: 'View', run: ({ store }) => store.enterSelected() },
  { id: 'leave', title: 'Leave the definition', keys: 'Escape', group: 'View', run: ({ store }) => store.escape() },
  { id: 'fit', title: 'Fit the view', keys: 'F  .', group: 'View', run: ({ store }) => store.revealAll() },
  { id: 'layout', title: 'Lay out', keys: 'L', group: 'View', run: ({ store }) => store.autoLayout() },
  { id: 'minimap', title: 'Minimap', keys: 'Alt+M', group: 'View', run: ({ store }) => (store.minimap = !store.minimap) },
  { id: 'predicted', title: 'Colour by predicted stability', keys: 'Alt+V', group: 'View', run: ({ session }) => session.prediction.toggle() },
  { id: 'panel', title: 'Problems, code, training, export', keys: 'Ctrl+J', group: 'View', always: true, run: ({ store }) => (store.panelOpen = !store.panelOpen) },
  { id: 'keys', title: 'This list', keys: '?  Ctrl+Shift+K', group: 'View', run: ({ store }) => (store.dialog = 'keys') },
  { id: 'left', title: 'Nudge left', keys: 'ArrowLeft', group: 'Edit', run: ({ store }) => store.nudge(-8, 0) },
  { id: 'right', title: 'Nudge right', keys: 'ArrowRight', group: 'Edit', run: ({ store }) => store.nudge(8, 0) },
  { id: 'up', title: 'Nudge up', keys: 'ArrowUp', group: 'Edit', run: ({ store }) => store.nudge(0, -8) },
  { id: 'down', title: 'Nudge down', keys: 'ArrowDown', group: 'Edit', run: ({ store }) => store.nudge(0, 8) },
  { id: 'far-left', title: 'Nudge left ×4', keys: 'Shift+ArrowLeft', group: 'Edit', run: ({ store }) => store.nudge(-32, 0) },
  { id: 'far-right', title: 'Nudge right ×4', keys: 'Shift+ArrowRight', group: 'Edit', run: ({ store }) => store.nudge(32, 0) },
  { id: 'far-up', title: 'Nudge up ×4', keys: 'Shift+ArrowUp', group: 'Edit', run: ({ store }) => store.nudge(0, -32) },
  { id: 'far-down', title: 'Nudge down ×4', keys: 'Shift+ArrowDown', group: 'Edit', run: ({ store }) => store.nudge(0, 32) },
  { id: 'train', title: 'Smoke-train', keys: 'Ctrl+Enter', group: 'Run', always: true, run: ({ session }) => void session.training.begin() },
  { id: 'stop', title: 'Stop the smoke-train', keys: 'Ctrl+Alt+Enter', group: 'Run', always: true, run: ({ session }) => void session.training.cancel() },
];

/** "Ctrl+Shift+Z" of a key press. A shifted sign ("?") is written without its Shift. */
export function chord(event: KeyboardEvent): string {
  const key = event.key.length === 1 ? event.key.toUpperCase() : event.key;
  const shift = event.shiftKey && (event.key.length > 1 || /[A-Z]/i.test(event.key));
  return [event.ctrlKey || event.metaKey ? 'Ctrl' : '', event.altKey ? 'Alt' : '', shift ? 'Shift' : '', key].filter(Boolean).join('+');
}

const BY_CHORD = new Map(COMMANDS.flatMap((command) => command.keys.split('  ').map((keys) => [keys, command])));

/** The command of a key press, or undefined; typing in a field keeps its keys. */
export function commandFor(event: KeyboardEvent): Command | undefined {
  const command = BY_CHORD.get(chord(event));
  const typing = (event.target as Element | null)?.closest?.('input, textarea, select, [contenteditable]');
  return typing && !command?.always ? undefined : command;
}

/** The tooltip of a command's button: its title and first key. */
export function tip(id: string): string {
  const command = COMMANDS.find((one) => one.id === id)!;
  return `${command.title} (${command.keys.split('  ')[0]})`;
}
