import { describe, expect, it } from 'vitest';
import { copy, paste } from '../src/core/clipboard';
import { LinkRules } from '../src/core/connection';
import { nodeNameFor } from '../src/core/document';
import * as edits from '../src/core/edits';
import { CATALOGUE, column } from './documents';

const main = (document: ReturnType<typeof column>) => document.definitions.Main!;

describe('names', () => {
  it.each([['LayerNorm', 'layer_norm'], ['SiLU', 'silu'], ['AdaLNZero', 'adaln_zero'], ['TimeMLP', 'time_mlp'], ['Conv2d', 'conv2d'], ['DiTBlock', 'dit_block']])('%s → %s', (call, name) => {
    expect(nodeNameFor(call)).toBe(name);
  });
});

describe('edits', () => {
  it('leave the document as it was', () => {
    const before = column();
    const text = JSON.stringify(before);
    edits.removeNodes(edits.addNode(before, 'Main', 'Layer', [3, 4]).document, 'Main', ['block']);
    edits.renameNode(before, 'Main', 'first', 'stem');
    expect(JSON.stringify(before)).toBe(text);
  });

  it('add a node under a free name', () => {
    const once = edits.addNode(column(), 'Main', 'Layer', [1.4, 2]);
    const twice = edits.addNode(once.document, 'Main', 'Layer', [0, 0]);
    expect([once.name, twice.name]).toEqual(['layer', 'layer_2']);
    expect(once.document.layout!.Main!.layer).toEqual([1, 2]);
  });

  it('delete a node with its links; an output keeps naming it', () => {
    const after = main(edits.removeNodes(column(), 'Main', ['last', '@in.x']));
    expect(after.edges).toHaveLength(4);
    expect(after.outputs[0]!.from).toEqual(['last', 'out']);
    expect(after.inputs).toHaveLength(2);
  });

  it('rename a node with its links, outputs and place', () => {
    const moved = edits.moveNodes(column(), 'Main', { last: [5, 6] });
    const after = edits.renameNode(moved, 'Main', 'last', 'final');
    if (after instanceof edits.Refusal) throw new Error(after.reason);
    expect(main(after).edges).toContainEqual(['block.x', 'final.x']);
    expect(main(after).outputs[0]!.from).toEqual(['final', 'out']);
    expect(after.layout!.Main).toEqual({ final: [5, 6] });
    expect(edits.renameNode(moved, 'Main', 'last', 'first')).toBeInstanceOf(edits.Refusal);
    expect(edits.renameNode(moved, 'Main', 'last', '2x')).toBeInstanceOf(edits.Refusal);
  });

  it('set and reset parameters and fields', () => {
    const set = edits.setParameter(column(), 'Main', 'first', 'size', '2*depth');
    expect(main(set).nodes.first).toEqual({ call: 'Layer', params: { size: '2*depth' } });
    expect(main(edits.setParameter(set, 'Main', 'first', 'size', undefined)).nodes.first).toEqual({ call: 'Layer' });
    expect(main(edits.setField(column(), 'Main', 'block', 'repeat', undefined)).nodes.block).toEqual({ call: 'Block' });
  });
});

describe('links', () => {
  const rules = (): LinkRules => new LinkRules(column(), CATALOGUE, 'Main');

  it('replace what fed the port', () => {
    const linked = rules().link({ card: 'first', port: 'out' }, { card: 'last', port: 'x' });
    if (linked instanceof edits.Refusal) throw new Error(linked.reason);
    expect(main(linked).edges.filter(([, target]) => target === 'last.x')).toEqual([['first.out', 'last.x']]);
  });

  it('refuse cycles, wrong roles and a node feeding itself, each with its reason', () => {
    expect(rules().refusal({ card: 'last', port: 'out' }, { card: 'first', port: 'x' })).toMatch(/cycle/);
    expect(rules().refusal({ card: 'embed', port: 'out' }, { card: 'first', port: 'x' })).toMatch(/expects a feature map/);
    expect(rules().refusal({ card: 'first', port: 'out' }, { card: 'first', port: 'x' })).toMatch(/itself/);
    expect(rules().refusal({ card: 'first', port: 'out' }, { card: 'last', port: 'x' })).toBeNull();
  });

  it('reach outputs of the definition', () => {
    const linked = rules().link({ card: 'block', port: 'x' }, { card: '@out.y', port: 'y' });
    if (linked instanceof edits.Refusal) throw new Error(linked.reason);
    expect(main(linked).outputs[0]!.from).toEqual(['block', 'x']);
  });

  it('take all iterations of a repeated node into a stack port', () => {
    const { document } = edits.addNode(column(), 'Main', 'Stack', [0, 0]);
    const linked = new LinkRules(document, CATALOGUE, 'Main').link({ card: 'block', port: 'x' }, { card: 'stack', port: 'rest' });
    if (linked instanceof edits.Refusal) throw new Error(linked.reason);
    expect(main(linked).edges).toContainEqual(['block.x[]', 'stack.rest']);
  });

  it('prefer a free port of a card', () => {
    const { document } = edits.addNode(column(), 'Main', 'Add', [0, 0]);
    const half = edits.connect(document, 'Main', 'first.out', 'add.a');
    expect(new LinkRules(half, CATALOGUE, 'Main').bestInput({ card: 'embed', port: 'out' }, 'add')).toEqual({ card: 'add', port: 'b' });
  });
});

describe('clipboard', () => {
  it('pastes calls, the links between them and, when asked, those that come in', () => {
    const clip = copy(column(), 'Main', ['block', 'last', '@in.x'], { block: [0, 0], last: [0, 100] })!;
    const plain = paste(column(), 'Main', clip, [10, 10]);
    expect(plain.names).toEqual(['block_2', 'last_2']);
    expect(main(plain.document).edges.slice(6)).toEqual([['block_2.x', 'last_2.x']]);
    const linked = paste(column(), 'Main', clip, [10, 10], true);
    expect(main(linked.document).edges).toContainEqual(['embed.out', 'last_2.c']);
  });

  it('brings definitions along', () => {
    const clip = copy(column(), 'Main', ['block'], {})!;
    const other = column();
    delete other.definitions.Block;
    expect(paste(other, 'Main', clip, [0, 0]).document.definitions.Block).toEqual(column().definitions.Block);
  });

  it('copies nothing from nothing', () => {
    expect(copy(column(), 'Main', ['@in.x'], {})).toBeNull();
  });
});
