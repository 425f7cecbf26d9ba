/** Two texts line by line: what stayed, what went, what came. */

export interface LineChange {
  kind: 'same' | 'removed' | 'added';
  text: string;
  /** Line number in the text it belongs to; of the later one where it stayed. */
  line: number;
}

const LARGEST = 4_000_000;

/** The shortest way from `before` to `after`; a middle too large to compare is replaced as a whole. */
export function compareLines(before: string, after: string): LineChange[] {
  const [old, now] = [before.split('\n'), after.split('\n')];
  let head = 0;
  while (head < Math.min(old.length, now.length) && old[head] === now[head]) head += 1;
  let tail = 0;
  while (tail < Math.min(old.length, now.length) - head && old.at(-1 - tail) === now.at(-1 - tail)) tail += 1;
  const same = (index: number): LineChange => ({ kind: 'same', text: now[index]!, line: index + 1 });
  const middle = between(old.slice(head, old.length - tail), now.slice(head, now.length - tail), head);
  return [...now.slice(0, head).map((_, index) => same(index)), ...middle, ...Array.from({ length: tail }, (_, index) => same(now.length - tail + index))];
}

function between(old: string[], now: string[], offset: number): LineChange[] {
  const removed = (index: number): LineChange => ({ kind: 'removed', text: old[index]!, line: offset + index + 1 });
  const added = (index: number): LineChange => ({ kind: 'added', text: now[index]!, line: offset + index + 1 });
  if (old.length * now.length > LARGEST) return [...old.map((_, index) => removed(index)), ...now.map((_, index) => added(index))];
  const common = longestCommon(old, now);
  const changes: LineChange[] = [];
  let [a, b] = [0, 0];
  while (a < old.length || b < now.length) {
    if (a < old.length && b < now.length && old[a] === now[b]) {
      changes.push({ kind: 'same', text: now[b]!, line: offset + b + 1 });
      a += 1;
      b += 1;
    } else if (b >= now.length || (a < old.length && common[a + 1]![b]! >= common[a]![b + 1]!)) changes.push(removed(a++));
    else changes.push(added(b++));
  }
  return changes;
}

/** Length of the longest common subsequence of each pair of ends. */
function longestCommon(old: string[], now: string[]): Uint32Array[] {
  const table = Array.from({ length: old.length + 1 }, () => new Uint32Array(now.length + 1));
  for (let a = old.length - 1; a >= 0; a -= 1) {
    for (let b = now.length - 1; b >= 0; b -= 1) table[a]![b] = old[a] === now[b] ? table[a + 1]![b + 1]! + 1 : Math.max(table[a + 1]![b]!, table[a]![b + 1]!);
  }
  return table;
}

/** The changes with `context` lines around them; null stands for lines left out. */
export function hunks(changes: LineChange[], context = 3): (LineChange | null)[] {
  const near = new Set(changes.flatMap((one, index) => (one.kind === 'same' ? [] : Array.from({ length: 2 * context + 1 }, (_, step) => index + step - context))));
  const shown: (LineChange | null)[] = [];
  changes.forEach((one, index) => {
    if (near.has(index)) shown.push(one);
    else if (shown.length > 0 && shown.at(-1) !== null) shown.push(null);
  });
  return shown.at(-1) === null ? shown.slice(0, -1) : shown;
}
