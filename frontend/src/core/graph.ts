/** Questions about the graph of one definition. */

import { calleesOf } from './calls';
import type { Definition } from './document';
import { parseEndpoint } from './endpoints';

/** For each node, the nodes that read it. */
export function successors(definition: Definition): Map<string, Set<string>> {
  const result = new Map<string, Set<string>>();
  for (const name of Object.keys(definition.nodes)) result.set(name, new Set());
  for (const [source, target] of definition.edges) {
    const from = parseEndpoint(source).node;
    const to = parseEndpoint(target).node;
    if (from !== undefined && to !== undefined) result.get(from)?.add(to);
  }
  return result;
}

/** Every node that can be reached from `start`, itself included. */
export function reachable(next: Map<string, Set<string>>, start: string): Set<string> {
  const seen = new Set<string>();
  const stack = [start];
  while (stack.length > 0) {
    const node = stack.pop()!;
    if (seen.has(node)) continue;
    seen.add(node);
    for (const follower of next.get(node) ?? []) stack.push(follower);
  }
  return seen;
}

/** Nodes so that each follows those it reads; ties keep the order given; nodes of a cycle come last. */
export function topological(names: string[], next: Map<string, Set<string>>): string[] {
  const waiting = new Map(names.map((name) => [name, 0]));
  for (const name of names) for (const follower of next.get(name) ?? []) waiting.set(follower, (waiting.get(follower) ?? 0) + 1);
  const order: string[] = [];
  const ready = names.filter((name) => waiting.get(name) === 0);
  while (ready.length > 0) {
    const name = ready.shift()!;
    order.push(name);
    for (const follower of next.get(name) ?? []) {
      const left = waiting.get(follower)! - 1;
      waiting.set(follower, left);
      if (left === 0) ready.push(follower);
    }
  }
  const placed = new Set(order);
  return [...order, ...names.filter((name) => !placed.has(name))];
}

/** Definitions that `name` calls, directly or through others, itself included. */
export function calledDefinitions(definitions: Record<string, Definition>, name: string): Set<string> {
  const next = new Map(Object.entries(definitions).map(([key, one]) => [key, calleesOf(definitions, one)]));
  return new Set([...reachable(next, name)].filter((key) => Object.hasOwn(definitions, key)));
}
