import { describe, expect, it } from 'vitest';
import type { DesignDocument } from '../src/core/document';
import * as edits from '../src/core/edits';
import { extract, extractRefusal } from '../src/core/extract';
import { inline, inlineRefusal } from '../src/core/inline';
import { namesIn, substitute } from '../src/core/names';
import { promote, promoteRefusal } from '../src/core/promote';
import { CATALOGUE, column } from './documents';

function good<T>(result: T | edits.Refusal): T {
  if (result instanceof edits.Refusal) throw new Error(result.reason);
  return result;
}

const sorted = (document: DesignDocument, name: string): unknown => {
  const { nodes, edges, outputs } = document.definitions[name]!;
  return { nodes: Object.fromEntries(Object.entries(nodes).sort()), edges: [...edges].sort(), outputs };
};

describe('expressions', () => {
  it('tell the names that they read, not functions, words or texts', () => {
    expect(namesIn("int(size*ratio) if kind == 'full' else depth[i]")).toEqual(['size', 'ratio', 'kind', 'depth', 'i']);
  });

  it('take values and other expressions in place of names', () => {
    const meanings = new Map([['a', { value: -2 }], ['b', { expression: 'c+1' }], ['k', { value: 'x' }]]);
    expect(substitute('a*b', meanings)).toEqual({ expression: '(-2)*(c+1)' });
    expect(substitute('a', meanings)).toEqual({ value: -2 });
    expect(substitute("k == 'a'", meanings)).toEqual({ expression: "'x' == 'a'" });
  });
});

describe('a selection becomes a definition', () => {
  it('with a port for each edge that is cut, in one place of the graph', () => {
    const { document, definition, node } = good(extract(column(), CATALOGUE, 'Main', ['block', 'last'], 'Tail'));
    expect([definition, node]).toEqual(['Tail', 'tail']);
    const tail = document.definitions.Tail!;
    expect(tail.inputs).toEqual([{ name: 'x', role: 'map', shape: 'B C H W' }, { name: 'c', role: 'vector', shape: 'B D' }]);
    expect(tail.outputs).toEqual([{ name: 'out', role: 'map', from: ['last', 'out'] }]);
    expect(tail.parameters).toBeUndefined();
    expect(tail.edges).toContainEqual(['c', 'last.c']);
    const main = document.definitions.Main!;
    expect(Object.keys(main.nodes)).toEqual(['first', 'embed', 'tail']);
    expect(main.edges).toEqual([['x', 'first.x'], ['t', 'embed.t'], ['first.out', 'tail.x'], ['embed.out', 'tail.c']]);
    expect(main.outputs[0]!.from).toEqual(['tail', 'out']);
  });

  it('and promotes the parameters that it reads', () => {
    let before = edits.withDefinition(column(), 'Main', (one) => ({ ...one, parameters: { depth: { type: 'int', default: 3 }, width: 4, spare: 1 } }));
    before = edits.setParameter(before, 'Main', 'last', 'size', '2*width + i');
    const { document, node } = good(extract(before, CATALOGUE, 'Main', ['block', 'last'], 'Tail'));
    expect(document.definitions.Tail!.parameters).toEqual({ depth: { type: 'int', default: 3 }, width: { type: 'int', default: 4 } });
    expect(document.definitions.Main!.nodes[node]).toEqual({ call: 'Tail', params: { depth: 'depth', width: 'width' } });
  });

  it('only where it does not lead out and back in', () => {
    expect(extractRefusal(column().definitions.Main!, ['first', 'last'])).toBe('block lies between first and last: select it too');
    expect(extractRefusal(column().definitions.Main!, ['@in.x'])).toMatch(/Select/);
    expect(extract(column(), CATALOGUE, 'Main', ['first'], '2x')).toBeInstanceOf(edits.Refusal);
    expect(good(extract(column(), CATALOGUE, 'Main', ['first'], 'Block')).definition).toBe('Block_2');
  });
});

describe('a call gives way to what it calls', () => {
  it('and is what it was before the definition was made', () => {
    const made = good(extract(column(), CATALOGUE, 'Main', ['block', 'last'], 'Tail'));
    const back = good(inline(made.document, CATALOGUE, 'Main', made.node, new Map()));
    expect(back.names).toEqual(['block', 'last']);
    expect(sorted(back.document, 'Main')).toEqual(sorted(column(), 'Main'));
    expect(Object.keys(back.document.definitions)).toEqual(['Main', 'Block']);
  });

  it('with the values of its parameters', () => {
    let document = edits.withDefinition(column(), 'Block', (one) => ({ ...one, parameters: { width: { type: 'int' }, kind: { type: 'block', default: 'Layer' } } }));
    document = edits.setParameter(document, 'Block', 'inner', 'size', 'width*2');
    document = edits.withDefinition(document, 'Block', (one) => ({ ...one, nodes: { ...one.nodes, add: { call: '=kind' } } }));
    document = edits.setField(edits.setParameter(document, 'Main', 'block', 'width', 'depth+1'), 'Main', 'block', 'repeat', undefined);
    const { document: after } = good(inline(document, CATALOGUE, 'Main', 'block', new Map()));
    expect(after.definitions.Main!.nodes).toMatchObject({ inner: { call: 'Modulate', params: { size: '(depth+1)*2' } }, add: { call: 'Layer' } });
    const unknown = edits.setParameter(document, 'Main', 'block', 'width', undefined);
    expect(inline(unknown, CATALOGUE, 'Main', 'block', new Map())).toMatchObject({ reason: expect.stringContaining('width is taken from the input') });
    expect(good(inline(unknown, CATALOGUE, 'Main', 'block', new Map([['width', { value: 8 }]]))).document.definitions.Main!.nodes.inner!.params).toEqual({ size: '8*2' });
  });

  it('unless it is repeated, conditional or a block', () => {
    expect(inlineRefusal(column(), 'Main', 'block')).toMatch(/repeated/);
    expect(inlineRefusal(column(), 'Main', 'first')).toMatch(/is a block/);
    expect(inlineRefusal(column(), 'Main', 'nothing')).toMatch(/Select/);
  });
});

describe('a parameter is promoted', () => {
  it('with its value as default', () => {
    const after = good(promote(column(), CATALOGUE, 'Main', 'last', 'size'));
    expect(after.definitions.Main!.parameters).toEqual({ size: { type: 'int', default: 2 } });
    expect(after.definitions.Main!.nodes.last!.params).toEqual({ size: 'size' });
    const twice = good(promote(after, CATALOGUE, 'Main', 'first', 'size'));
    expect(twice.definitions.Main!.nodes.first!.params).toEqual({ size: 'first_size' });
  });

  it('unless it is an expression already', () => {
    const after = good(promote(column(), CATALOGUE, 'Main', 'last', 'size'));
    expect(promoteRefusal(after, CATALOGUE, 'Main', 'last', 'size')).toMatch(/expression size/);
  });
});
