import { describe, expect, it } from 'vitest';
import { bypassRefusal, muteRefusal, mutedIn, toggleBypass, toggleMute } from '../src/core/activity';
import { addBox, changeBoxes, decorOf, inside, toggleMarks } from '../src/core/decor';
import * as edits from '../src/core/edits';
import { CATALOGUE, column } from './documents';

const when = (document: unknown, node: string): string | undefined => (document as ReturnType<typeof column>).definitions.Block!.nodes[node]!.when;

describe('bypass and mute', () => {
  it('are conditions of the document, taken back by the same gesture', () => {
    const off = toggleBypass(column(), CATALOGUE, 'Block', 'inner') as ReturnType<typeof column>;
    expect(when(off, 'inner')).toBe('False');
    expect(toggleBypass(off, CATALOGUE, 'Block', 'inner')).toEqual(column());
    const conditional = edits.setField(column(), 'Block', 'inner', 'when', 'i > 0');
    const twice = toggleBypass(conditional, CATALOGUE, 'Block', 'inner') as ReturnType<typeof column>;
    expect(when(twice, 'inner')).toBe('False and (i > 0)');
    expect(toggleBypass(twice, CATALOGUE, 'Block', 'inner')).toEqual(conditional);
  });

  it('are refused where the input cannot stand for the output', () => {
    expect(bypassRefusal(column(), CATALOGUE, 'Main', 'embed')).toMatch(/turns timestep into vector/);
    expect(bypassRefusal(column(), CATALOGUE, 'Main', 'first', (end) => (end === 'x' ? 'B 3 H W' : 'B 8 H W'))).toMatch(/turns B 3 H W into B 8 H W/);
    expect(bypassRefusal(edits.removeEdges(column(), 'Main', [0]), CATALOGUE, 'Main', 'first')).toMatch(/no connected input/);
  });

  it('drop a branch where something else is passed on', () => {
    const muted = toggleMute(column(), CATALOGUE, 'Block', 'inner') as ReturnType<typeof column>;
    expect(when(muted, 'add')).toBe('False');
    expect([...mutedIn(muted, CATALOGUE, 'Block')]).toEqual(['inner']);
    const bypassed = toggleBypass(column(), CATALOGUE, 'Main', 'block') as ReturnType<typeof column>;
    expect(mutedIn(bypassed, CATALOGUE, 'Main').has('first')).toBe(false); // it is what the block passes on
    expect(toggleMute(muted, CATALOGUE, 'Block', 'inner')).toEqual(column());
    expect(muteRefusal(column(), CATALOGUE, 'Main', 'first')).toMatch(/passes on first itself/);
    expect(muteRefusal(column(), CATALOGUE, 'Main', 'last')).toMatch(/feeds an output/);
  });
});

describe('decor', () => {
  it('is kept in the layout alone, and leaves no trace when gone', () => {
    const before = column();
    const { document, name } = addBox(before, 'Main', { kind: 'note', text: 'why', at: [1.4, 2], size: [100, 40] });
    expect(decorOf(document, 'Main').boxes).toEqual({ note: { kind: 'note', text: 'why', at: [1, 2], size: [100, 40] } });
    expect(document.definitions).toBe(before.definitions);
    expect(changeBoxes(document, 'Main', { [name]: null }).layout).toEqual({ Main: {} });
    expect(decorOf({ ...column(), layout: { Main: { '@decor': 'broken' as never } } }, 'Main').pinned).toEqual([]);
  });

  it('follows cards that are renamed and forgets those that are deleted', () => {
    const pinned = toggleMarks(toggleMarks(column(), 'Main', 'pinned', ['first', 'last']), 'Main', 'folded', ['first']);
    const renamed = edits.renameNode(pinned, 'Main', 'first', 'stem') as ReturnType<typeof column>;
    expect(decorOf(renamed, 'Main')).toMatchObject({ pinned: ['stem', 'last'], folded: ['stem'] });
    expect(decorOf(edits.removeNodes(renamed, 'Main', ['stem']), 'Main')).toMatchObject({ pinned: ['last'], folded: [] });
    expect(decorOf(toggleMarks(pinned, 'Main', 'pinned', ['first', 'last']), 'Main').pinned).toEqual([]);
  });

  it('takes the cards along that stand in a frame', () => {
    const frame = { kind: 'frame' as const, text: '', at: [0, 0] as const, size: [100, 100] as const };
    expect(inside(frame, [{ id: 'a', at: [10, 10], size: [50, 50] }, { id: 'b', at: [80, 0], size: [50, 50] }])).toEqual(['a']);
  });
});
