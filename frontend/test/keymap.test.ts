import { beforeEach, describe, expect, it, vi } from 'vitest';

const kept = new Map<string, string>();
vi.stubGlobal('localStorage', { getItem: (key: string) => kept.get(key) ?? null, setItem: (key: string, value: string) => kept.set(key, value) });
const { Keymap, chord } = await import('../src/editor/keymap.svelte');
const COMMANDS = [{ id: 'undo', keys: 'Ctrl+Z' }, { id: 'redo', keys: 'Ctrl+Y  Ctrl+Shift+Z' }];

describe('keys', () => {
  beforeEach(() => kept.clear());

  it('are given to one command and taken from the other, and kept', () => {
    new Keymap().bind('undo', 'Ctrl+Y', COMMANDS);
    const keymap = new Keymap();
    expect(COMMANDS.map((one) => keymap.of(one))).toEqual([['Ctrl+Y'], ['Ctrl+Shift+Z']]);
    keymap.reset();
    expect(keymap.of(COMMANDS[1]!)).toEqual(['Ctrl+Y', 'Ctrl+Shift+Z']);
  });

  it('are as in the table when what was kept is broken', () => {
    kept.set('diffusion-designer.keys', '{');
    expect(new Keymap().of(COMMANDS[0]!)).toEqual(['Ctrl+Z']);
  });

  it.each([[{ key: 'z', ctrlKey: true }, 'Ctrl+Z'], [{ key: '?', shiftKey: true }, '?'], [{ key: 'ArrowUp', shiftKey: true }, 'Shift+ArrowUp']])('%o is %s', (event, text) => {
    expect(chord(event as KeyboardEvent)).toBe(text);
  });
});
