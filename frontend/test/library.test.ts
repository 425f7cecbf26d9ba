import { describe, expect, it } from 'vitest';
import { fillings, offered, withComposite, withFilling } from '../src/core/library';
import { placeable } from '../src/core/search';
import type { Definition, DesignDocument } from '../src/core/document';

const empty: Definition = { inputs: [], outputs: [], nodes: {}, edges: [] };
const document: DesignDocument = { format: 'diffusion-design', format_version: 1, name: 'd', main: 'Net', definitions: { Net: { ...empty, doc: 'mine' } } };
const fusion = { name: 'Fusion', family: 'Fusion', title: 'Skip fusion', summary: '', definitions: { Fusion: { ...empty }, Project: { ...empty } } };
const library = { Fusion: fusion };

describe('the library', () => {
  it('offers what the design does not have', () => {
    expect(offered(document, library)).toEqual(['Fusion']);
    expect(offered(withComposite(document, fusion), library)).toEqual([]);
    expect(placeable(document, {}, 'Net', library).map((one) => one.title)).toContain('Skip fusion');
  });

  it('brings what a composite calls, and leaves what the design has', () => {
    const clash = { ...fusion, definitions: { ...fusion.definitions, Net: { ...empty, doc: 'theirs' } } };
    const known = withComposite(document, clash);
    expect(Object.keys(known.definitions).sort()).toEqual(['Fusion', 'Net', 'Project']);
    expect(known.definitions['Net']!.doc).toBe('mine');
  });

  it('fills sockets with composites, and tells the named choices first', () => {
    expect(Object.keys(withFilling(document, library, 'Fusion').definitions)).toContain('Project');
    expect(withFilling(document, library, 3)).toBe(document);
    expect(fillings({ type: 'block', help: 'Add, Fusion or another' }, document, {}, library)[0]).toBe('Fusion');
  });
});
