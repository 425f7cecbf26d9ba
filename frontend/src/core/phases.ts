/** Which way the trunk runs through each card: down (default), across, or up the right arm of a U. */

import type { Definition } from './document';
import { isCallId } from './endpoints';
import { reachable, successors } from './graph';

export type Phase = 'down' | 'mid' | 'up';

export interface Phases {
  /** Whether the definition is drawn as a U. */
  isU: boolean;
  of(id: string): Phase;
  /** The level of an encoder or decoder node by its name, 0 = full resolution; undefined elsewhere. */
  level(id: string): number | undefined;
  /** Whether a wire jumps from the left arm of the U to the right one. */
  isSkip(source: string, target: string): boolean;
}

interface Link {
  source: string;
  target: string;
}

const DOWN = /^(?:down|enc|encoder)(?:_|$)(\d+)?/;
const MID = /^(?:mid|middle|bottleneck)(?:_|$|\d)/;
const UP = /^(?:up|dec|decoder)(?:_|$)(\d+)?/;

/** Read the family from the names: `down_0 … mid … up_0 …` make a U. */
export function phasesOf(definition: Definition, links: Link[]): Phases {
  const names = Object.keys(definition.nodes);
  const down = names.filter((name) => DOWN.test(name));
  const up = names.filter((name) => UP.test(name));
  if (down.length === 0 || up.length === 0) return { isU: false, of: () => 'down', level: () => undefined, isSkip: () => false };
  const left = new Set(down);
  const middle = new Set(names.filter((name) => MID.test(name)));
  const right = rightArm(definition, up, links);
  const of = (id: string): Phase => (right.has(id) ? 'up' : middle.has(id) ? 'mid' : 'down');
  const levels = levelsOf(definition, down, up, links);
  const stem = stemOf(definition, left);
  const isSkip = (source: string, target: string): boolean => (left.has(source) || stem.has(source)) && right.has(target);
  return { isU: true, of, level: (id) => levels.get(id), isSkip };
}

/** Nodes that feed the left arm and are not fed by anything else: their links to the right arm are skips. */
function stemOf(definition: Definition, left: Set<string>): Set<string> {
  const next = successors(definition);
  return new Set([...next].filter(([name, followers]) => !left.has(name) && [...followers].some((follower) => left.has(follower))).map(([name]) => name));
}

/** The decoder and all that comes after it. */
function rightArm(definition: Definition, up: string[], links: Link[]): Set<string> {
  const next = successors(definition);
  const arm = new Set(up.flatMap((name) => [...reachable(next, name)]));
  for (const link of links) if (arm.has(link.source) && !isCallId(link.target)) arm.add(link.target);
  return arm;
}

function levelsOf(definition: Definition, down: string[], up: string[], links: Link[]): Map<string, number> {
  const levels = new Map<string, number>();
  for (const name of down) levels.set(name, Number(DOWN.exec(name)![1] ?? 0));
  const groups = new Map<string, string[]>();
  for (const name of up) groups.set(UP.exec(name)![1] ?? '', [...(groups.get(UP.exec(name)![1] ?? '') ?? []), name]);
  const deepest = Math.max(0, ...levels.values());
  const order = upOrder(definition, groups);
  order.forEach((key, index) => {
    const members = groups.get(key)!;
    const sources = links.filter((link) => members.includes(link.target) && levels.has(link.source) && DOWN.test(link.source));
    const level = sources.length > 0 ? Math.max(...sources.map((link) => levels.get(link.source)!)) : Math.max(0, deepest - index);
    for (const name of members) levels.set(name, level);
  });
  return levels;
}

/** The decoder's groups from the deepest to the shallowest: each leads to those after it. */
function upOrder(definition: Definition, groups: Map<string, string[]>): string[] {
  const next = successors(definition);
  const reach = (key: string): number => reachable(next, groups.get(key)![0]!).size;
  return [...groups.keys()].sort((a, b) => reach(b) - reach(a));
}
