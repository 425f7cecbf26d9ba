import { describe, expect, it } from 'vitest';
import { type Diagnostic, marksOf, pathTo } from '../src/core/annotations';
import * as edits from '../src/core/edits';
import { autoLayout, positionsOf } from '../src/core/layout';
import { channelsOf } from '../src/core/routes';
import { search, searchActions, searchLinks } from '../src/core/search';
import { readable } from '../src/core/shapes';
import { compact, parseValue } from '../src/core/values';
import { viewOf } from '../src/core/view';
import { CATALOGUE, column, unet } from './documents';

const problem = (node: string): Diagnostic => ({ code: 'S001', severity: 'error', node, port: '', message: 'wrong' });

describe('view', () => {
  it('has a card for each call, input and output, and a wire for each edge and output', () => {
    const view = viewOf(column(), CATALOGUE, 'Main');
    expect(view.cards.map((card) => card.id)).toEqual(['@in.x', '@in.t', 'first', 'embed', 'block', 'last', '@out.y']);
    expect(view.wires).toHaveLength(7);
    expect(view.cards.find((card) => card.id === 'block')).toMatchObject({ enters: 'Block', repeat: 'depth' });
  });

  it('shows ports that a call does not have, so that a broken link can be seen', () => {
    const broken = edits.connect(column(), 'Main', 'first.nothing', 'last.x');
    const first = viewOf(broken, CATALOGUE, 'Main').cards.find((card) => card.id === 'first')!;
    expect(first.ports.find((port) => port.name === 'nothing')).toMatchObject({ missing: true, direction: 'out' });
  });

  it('draws unknown blocks', () => {
    const { document } = edits.addNode(column(), 'Main', 'Nothing', [0, 0]);
    expect(viewOf(document, CATALOGUE, 'Main').cards.find((card) => card.id === 'nothing')).toMatchObject({ family: 'unknown' });
  });

  it('turns broadcasts into taps and links across the U into skips', () => {
    const wires = viewOf(unet(), CATALOGUE, 'U').wires;
    expect(wires.filter((wire) => wire.tap).map((wire) => wire.target)).toEqual(['down_0', 'down_1', 'mid']);
    expect(wires.filter((wire) => wire.role === 'skip').map((wire) => wire.to)).toEqual(['up_1.b', 'up_0.b']);
  });
});

describe('layout', () => {
  it('draws a U as a U', () => {
    const document = unet();
    const at = autoLayout(document, viewOf(document, CATALOGUE, 'U'));
    const [x, y] = [(id: string) => at.get(id)![0], (id: string) => at.get(id)![1]];
    expect(x('down_0')).toBe(x('down_1'));
    expect(x('up_0')).toBe(x('up_1'));
    expect(x('down_0')).toBeLessThan(x('mid'));
    expect(x('mid')).toBeLessThan(x('up_0'));
    expect(y('stem')).toBeLessThan(y('down_0'));
    expect(y('down_0')).toBeLessThan(y('down_1'));
    expect(y('down_1')).toBeLessThan(y('mid'));
    expect(y('head')).toBeLessThan(y('up_0'));
    expect(Math.abs(y('down_0') - y('up_0'))).toBeLessThan(20);
  });

  it('overlaps no cards', () => {
    for (const [document, name] of [[column(), 'Main'], [column(), 'Block'], [unet(), 'U']] as const) {
      const view = viewOf(document, CATALOGUE, name);
      const at = autoLayout(document, view);
      for (const a of view.cards) {
        for (const b of view.cards) {
          if (a.id >= b.id) continue;
          const [ax, ay] = at.get(a.id)!;
          const [bx, by] = at.get(b.id)!;
          const apart = ax + a.width <= bx || bx + b.width <= ax || ay + a.height <= by || by + b.height <= ay;
          expect(apart, `${name}: ${a.id} and ${b.id}`).toBe(true);
        }
      }
    }
  });

  it('keeps saved places and sets a new card beside them', () => {
    const document = edits.moveNodes(column(), 'Main', { first: [500, 500] });
    const at = positionsOf(document, viewOf(document, CATALOGUE, 'Main'));
    expect(at.get('first')).toEqual([500, 500]);
    expect(at.get('block')![1]).toBeGreaterThan(500);
  });

  it('leads a residual around the cards it passes', () => {
    const document = column();
    const view = viewOf(document, CATALOGUE, 'Block');
    const channels = channelsOf(view, new Map([['@in.x', [0, 0]], ['@in.c', [-400, 0]], ['inner', [0, 100]], ['add', [0, 200]], ['@out.x', [0, 300]]]));
    expect([...channels.keys()]).toEqual(['x->add.a']);
  });

  it('lays 1000 nodes out in a second or two', () => {
    let document = column();
    const edges: [string, string][] = [];
    for (let index = 0; index < 1000; index += 1) document = edits.withDefinition(document, 'Main', (one) => ({ ...one, nodes: { ...one.nodes, [`n${index}`]: { call: 'Modulate' } } }));
    for (let index = 1; index < 1000; index += 1) edges.push([`n${index - 1}.out`, `n${index}.x`], ['embed.out', `n${index}.c`]);
    document = edits.withDefinition(document, 'Main', (one) => ({ ...one, edges: [...one.edges, ...edges] }));
    const view = viewOf(document, CATALOGUE, 'Main');
    expect(autoLayout(document, view).size).toBe(1007);
  });
});

describe('problems', () => {
  it('surface on every call that encloses them', () => {
    expect(marksOf(column(), 'Block', [problem('Block/inner')]).get('inner')).toMatchObject({ severity: 'error', inner: 0 });
    expect(marksOf(column(), 'Main', [problem('Block/inner')]).get('block')).toMatchObject({ severity: 'error', inner: 1, own: [] });
    expect(marksOf(column(), 'Main', [problem('Block/inner')]).has('first')).toBe(false);
  });

  it('are reached from the main definition', () => {
    expect(pathTo(column(), 'Block')).toEqual([{ definition: 'Main' }, { definition: 'Block', via: 'block' }]);
    expect(pathTo(column(), 'Elsewhere')).toEqual([{ definition: 'Elsewhere' }]);
  });
});

describe('search', () => {
  it('finds blocks to add and nodes to go to', () => {
    expect(search({ document: column(), catalogue: CATALOGUE, definition: 'Main' }, 'modu')[0]).toMatchObject({ kind: 'add', name: 'Modulate' });
    expect(search({ document: column(), catalogue: CATALOGUE, definition: 'Main' }, 'inner')[0]).toMatchObject({ kind: 'find', definition: 'Block' });
  });

  it('offers only what fits a loose link, and no definition inside itself', () => {
    const names = search({ document: column(), catalogue: CATALOGUE, definition: 'Main' }, '', { direction: 'in', role: 'vector' }).map((hit) => hit.name);
    expect(names).toContain('Modulate');
    expect(names).not.toContain('Layer');
    expect(search({ document: column(), catalogue: CATALOGUE, definition: 'Block' }, 'block').filter((hit) => hit.kind === 'add')).toEqual([]);
  });
});

describe('search for more than names', () => {
  const facts = { shapes: { 'Main/block.x->last.x': 'B 64 H//2 W//2' }, diagnostics: [{ ...problem('Block/inner'), code: 'S010' }] };
  const sought = { document: column(), catalogue: CATALOGUE, definition: 'Main', facts };
  const found = (query: string): string[] => search(sought, query).filter((hit) => hit.kind === 'find').map((hit) => hit.name);

  it('finds nodes by shape, role and code of a problem', () => {
    expect(found('64 h/2')).toEqual(['block']);
    expect(found('S010')).toEqual(['inner']);
    expect(found('vector')).toEqual(['embed']);
  });

  it('finds actions, with the reason of those that cannot be done', () => {
    const actions = [{ id: 'undo', title: 'Undo', keys: 'Ctrl+Z', group: 'Edit', reason: 'Nothing to undo' }, { id: 'save', title: 'Save', keys: 'Ctrl+S', group: 'File', reason: null }];
    expect(searchActions(actions, 'undo')).toMatchObject([{ kind: 'do', name: 'undo', reason: 'Nothing to undo' }]);
    expect(searchActions(actions, 'ctrl+s').map((hit) => hit.name)).toEqual(['save']);
    expect(search({ ...sought, actions }, 'undo').some((hit) => hit.kind === 'do')).toBe(true);
  });

  it('offers the links that may begin at a node', () => {
    expect(searchLinks(sought, 'first', 'block').map((hit) => hit.title)).toEqual(['first.out → block.x']);
    expect(searchLinks(sought, 'embed', '').map((hit) => hit.title)).toEqual(['embed.out → block.c', 'embed.out → last.c']);
  });
});

describe('texts', () => {
  it.each([
    ['B 256 2*(H//8) 2*(W//8)', 'B 256 H/4 W/4'],
    ['B 3 8*(H//8) W', 'B 3 H W'],
    ['B (H//2)*(W//2) 384', 'B (H/2)·(W/2) 384'],
    ['1 × [B 128 H W] + 2 × [B 128 H W]', '3 × [B 128 H W]'],
    ['1 × [B 64 H W] + 2 × [B 128 H W]', '1 × [B 64 H W] + 2 × [B 128 H W]'],
  ])('%s → %s', (raw, shown) => expect(readable(raw)).toBe(shown));

  it('reads numbers, expressions and ranges as typed', () => {
    expect(parseValue('3', { type: 'int' })).toEqual({ value: 3 });
    expect(parseValue('3.5', { type: 'int' }).error).toMatch(/whole/);
    expect(parseValue('0', { type: 'int', min: 1 }).error).toBe('at least 1');
    expect(parseValue('4*hidden_size', { type: 'int' })).toEqual({ value: '4*hidden_size' });
    expect(parseValue('[1, 2]', { type: 'list' })).toEqual({ value: [1, 2] });
    expect(parseValue(' ', { type: 'int' })).toEqual({});
    expect(parseValue('true', { type: 'bool' })).toEqual({ value: true });
  });

  it('shortens large numbers', () => {
    expect(compact(35746307)).toBe('35.7 M');
    expect(compact(1572864, 'B')).toBe('1.57 MB');
    expect(compact(12)).toBe('12');
    expect(compact(undefined)).toBe('–');
  });
});
