/** From node to node by keys: in the order in which values flow. */

import { inputId, outputId } from '../core/endpoints';
import { successors, topological } from '../core/graph';
import type { EditorStore } from './store.svelte';

/** Select the node `step` places after the one that is selected, and bring it into view. */
export function neighbour(store: EditorStore, step: 1 | -1): void {
  const { definition } = store;
  if (!definition) return;
  const calls = topological(Object.keys(definition.nodes), successors(definition));
  const order = [...definition.inputs.map((port) => inputId(port.name)), ...calls, ...definition.outputs.map((port) => outputId(port.name))];
  const at = order.findIndex((id) => store.selected.has(id));
  const next = order[at < 0 ? (step > 0 ? 0 : order.length - 1) : (at + step + order.length) % order.length];
  if (next !== undefined) store.jump(store.definitionName, next);
}
