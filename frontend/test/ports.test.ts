import { describe, expect, it } from 'vitest';
import type { DesignDocument } from '../src/core/document';
import * as edits from '../src/core/edits';
import { addPort, movePort, removePort, renamePort, setPort } from '../src/core/ports';
import { column } from './documents';

function good(result: DesignDocument | edits.Refusal): DesignDocument {
  if (result instanceof edits.Refusal) throw new Error(result.reason);
  return result;
}

describe('ports of a definition', () => {
  it('are renamed inside and at every call', () => {
    const after = good(renamePort(edits.moveNodes(column(), 'Block', { '@in.c': [1, 2] }), 'Block', 'inputs', 'c', 'condition'));
    expect(after.definitions.Block!.edges).toContainEqual(['condition', 'inner.c']);
    expect(after.definitions.Main!.edges).toContainEqual(['embed.out', 'block.condition']);
    expect(after.layout!.Block).toEqual({ '@in.condition': [1, 2] });
    const outer = good(renamePort(column(), 'Block', 'outputs', 'x', 'tokens'));
    expect(outer.definitions.Main!.edges).toContainEqual(['block.tokens', 'last.x']);
    expect(renamePort(column(), 'Block', 'inputs', 'c', 'x')).toBeInstanceOf(edits.Refusal);
  });

  it('are taken away with their links, unless an output needs them', () => {
    const after = good(removePort(column(), 'Block', 'inputs', 'c'));
    expect(after.definitions.Block!.edges.flat()).not.toContain('c');
    expect(after.definitions.Main!.edges.map(([, target]) => target)).not.toContain('block.c');
    expect(removePort(column(), 'Block', 'outputs', 'x')).toMatchObject({ reason: expect.stringContaining('no other output') });
    const passed = edits.setOutput(column(), 'Block', 'x', 'x');
    expect(removePort(passed, 'Block', 'inputs', 'x')).toMatchObject({ reason: 'The output x comes from x: connect it elsewhere first' });
  });

  it('are added, moved and described', () => {
    const added = good(addPort(good(addPort(column(), 'Block', 'inputs')), 'Block', 'outputs'));
    expect(added.definitions.Block!.inputs.map((port) => port.name)).toEqual(['x', 'c', 'x_2']);
    expect(added.definitions.Block!.outputs[1]).toEqual({ name: 'out', from: ['x'] });
    expect(movePort(added, 'Block', 'inputs', 'x_2', -1).definitions.Block!.inputs.map((port) => port.name)).toEqual(['x', 'x_2', 'c']);
    expect(movePort(added, 'Block', 'inputs', 'x', -1)).toBe(added);
    expect(setPort(added, 'Block', 'inputs', 'c', { shape: 'B D' }).definitions.Block!.inputs[1]!.shape).toBe('B D');
  });
});
