/** The values under each key, in order; `Map.groupBy`, which older browsers lack. */
export function groupBy<T, K>(values: Iterable<T>, key: (value: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const value of values) {
    const members = groups.get(key(value));
    if (members) members.push(value);
    else groups.set(key(value), [value]);
  }
  return groups;
}
