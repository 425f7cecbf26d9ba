/** Small documents and a catalogue for tests. */

import type { BlockSpec, Catalogue, DesignDocument, PortDeclaration } from '../src/core/document';

const port = (name: string, role: string, more: Partial<PortDeclaration> = {}): PortDeclaration => ({ name, role, shape: '', ...more });

function block(name: string, inputs: PortDeclaration[], outputs: PortDeclaration[]): BlockSpec {
  return { name, title: name, family: 'Test', summary: '', inputs, outputs, parameters: [{ name: 'size', type: 'int', default: 1 }] };
}

export const CATALOGUE: Catalogue = Object.fromEntries(
  [
    block('Layer', [port('x', 'map')], [port('out', 'same:x')]),
    block('Add', [port('a', 'any'), port('b', 'any')], [port('out', 'same:a')]),
    block('Modulate', [port('x', 'map'), port('c', 'vector')], [port('out', 'map')]),
    block('Embed', [port('t', 'timestep')], [port('out', 'vector')]),
    block('Stack', [port('rest', 'any', { stack: true })], [port('out', 'map')]),
  ].map((spec) => [spec.name, spec]),
);

/** x → first → block (×3, a definition) → last → y, conditioned by t. */
export function column(): DesignDocument {
  return {
    format: 'diffusion-design', format_version: 1, name: 'Column', main: 'Main', parameters: { depth: 3 },
    definitions: {
      Main: {
        inputs: [port('x', 'image'), port('t', 'timestep')],
        outputs: [{ ...port('y', 'prediction'), from: ['last', 'out'] }],
        nodes: { first: { call: 'Layer' }, embed: { call: 'Embed' }, block: { call: 'Block', repeat: 'depth' }, last: { call: 'Modulate', params: { size: 2 } } },
        edges: [['x', 'first.x'], ['t', 'embed.t'], ['first.out', 'block.x'], ['embed.out', 'block.c'], ['block.x', 'last.x'], ['embed.out', 'last.c']],
      },
      Block: {
        inputs: [port('x', 'map'), port('c', 'vector')],
        outputs: [{ ...port('x', 'map'), from: ['add', 'out'] }],
        nodes: { inner: { call: 'Modulate' }, add: { call: 'Add' } },
        edges: [['x', 'inner.x'], ['c', 'inner.c'], ['inner.out', 'add.b'], ['x', 'add.a']],
      },
    },
  };
}

/** A U of two levels with a stem, a middle and a broadcast embedding. */
export function unet(): DesignDocument {
  const level = (name: string): [string, { call: string }] => [name, { call: 'Modulate' }];
  return {
    format: 'diffusion-design', format_version: 1, name: 'U', main: 'U',
    definitions: {
      U: {
        inputs: [port('x', 'image'), port('t', 'timestep')],
        outputs: [{ ...port('y', 'prediction'), from: ['head', 'out'] }],
        nodes: {
          time: { call: 'Embed' }, stem: { call: 'Layer' }, ...Object.fromEntries(['down_0', 'down_1', 'mid'].map(level)),
          up_1: { call: 'Add' }, up_0: { call: 'Add' }, head: { call: 'Layer' },
        },
        edges: [
          ['t', 'time.t'], ['x', 'stem.x'], ['stem.out', 'down_0.x'], ['down_0.out', 'down_1.x'], ['down_1.out', 'mid.x'], ['mid.out', 'up_1.a'], ['down_1.out', 'up_1.b'],
          ['up_1.out', 'up_0.a'], ['down_0.out', 'up_0.b'], ['up_0.out', 'head.x'], ['time.out', 'down_0.c'], ['time.out', 'down_1.c'], ['time.out', 'mid.c'],
        ],
      },
    },
  };
}
