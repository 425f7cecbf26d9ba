import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decorOf, addBox } from '../src/core/decor';
import * as edits from '../src/core/edits';
import { positionsOf } from '../src/core/layout';
import { compareLines, hunks } from '../src/core/lines';
import { pictureOf } from '../src/core/picture';
import { renameDefinition } from '../src/core/rename';
import { sizesOf } from '../src/core/sizes';
import { viewOf } from '../src/core/view';
import { pythonLines } from '../src/editor/highlight';
import { CATALOGUE, column, unet } from './documents';

describe('differences of texts', () => {
  it('are lines that went and came, with their numbers', () => {
    expect(compareLines('a\nb\nc\nd', 'a\nx\nc\nd\ne').filter((one) => one.kind !== 'same')).toEqual([
      { kind: 'removed', text: 'b', line: 2 }, { kind: 'added', text: 'x', line: 2 }, { kind: 'added', text: 'e', line: 5 },
    ]);
  });

  it('give both texts back, whatever they are', () => {
    const texts = fc.array(fc.constantFrom('a', 'b', 'c', ''), { maxLength: 12 }).map((lines) => lines.join('\n'));
    fc.assert(fc.property(texts, texts, (before, after) => {
      const changes = compareLines(before, after);
      expect(changes.filter((one) => one.kind !== 'removed').map((one) => one.text).join('\n')).toBe(after);
      expect(changes.filter((one) => one.kind !== 'added').map((one) => one.text).join('\n')).toBe(before);
    }));
  });

  it('are shown with some lines around', () => {
    const long = Array.from({ length: 30 }, (_, index) => `line ${index}`);
    const shown = hunks(compareLines(long.join('\n'), [...long.slice(0, 10), 'new', ...long.slice(10, 25), 'end', ...long.slice(25)].join('\n')), 2);
    expect(shown.filter((one) => one === null)).toHaveLength(1);
    expect(shown).toHaveLength(11);
    expect(hunks(compareLines('a', 'a'))).toEqual([]);
  });
});

describe('pictures', () => {
  it.each([['Main', column()], ['Block', column()], ['U', unet()]] as const)('of %s have a card for each card, and are XML', (name, document) => {
    const noted = addBox(document, name, { kind: 'note', text: 'a < b & "c"', at: [0, 0], size: [90, 40] }).document;
    const view = viewOf(noted, CATALOGUE, name);
    const svg = pictureOf(view, positionsOf(noted, view), decorOf(noted, name), () => 'B C H W');
    expect(svg.match(/data-card=/g)).toHaveLength(view.cards.length);
    expect(svg).toContain('a &lt; b &amp; &quot;c&quot;');
    expect(svg).not.toMatch(/NaN|undefined|Infinity/);
    expect(svg.match(/<g[ >]/g)!.length).toBe(svg.match(/<\/g>/g)!.length);
  });
});

describe('definitions', () => {
  it('are renamed wherever they are called', () => {
    const after = renameDefinition(edits.moveNodes(column(), 'Block', { add: [1, 2] }), 'Block', 'Layered');
    if (after instanceof edits.Refusal) throw new Error(after.reason);
    expect(Object.keys(after.definitions)).toEqual(['Main', 'Layered']);
    expect(after.definitions.Main!.nodes.block!.call).toBe('Layered');
    expect(after.layout).toEqual({ Layered: { add: [1, 2] } });
    expect(renameDefinition(column(), 'Block', 'Main')).toBeInstanceOf(edits.Refusal);
    expect((renameDefinition(column(), 'Main', 'Net') as { main: string }).main).toBe('Net');
  });

  it('take sizes from what arrives: a parameter around of that size, or the number', () => {
    let document = edits.withDefinition(column(), 'Block', (one) => ({ ...one, parameters: { width: { type: 'int' }, cond: { type: 'int' } }, inputs: [{ name: 'x', shape: 'B width H W' }, { name: 'c', shape: 'B cond' }] }));
    document = { ...edits.withDefinition(document, 'Main', (one) => ({ ...one, parameters: { width: { type: 'int', default: 1 } } })), parameters: { width: 64 } };
    const sizes = sizesOf(document, { 'Main/first.out->block.x': 'B 64 H//2 W//2', 'Main/embed.out->block.c': 'B 32' }, 'Main', 'block');
    expect(Object.fromEntries(sizes)).toEqual({ width: { expression: 'width' }, cond: { value: 32 } });
  });
});

describe('Python source', () => {
  it('is coloured line by line', () => {
    const [first, second, third] = pythonLines('def go(x):  # why\n    """A\n    text"""\n    return 1 if x else "<"');
    expect(first).toBe('<span class="code-keyword">def</span> <span class="code-title">go</span>(x):  <span class="code-comment"># why</span>');
    expect([second, third]).toEqual(['    <span class="code-string">"""A</span>', '<span class="code-string">    text"""</span>']);
    expect(pythonLines('"<"')).toEqual(['<span class="code-string">"&lt;"</span>']);
  });
});
