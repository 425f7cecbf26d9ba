import { describe, expect, it, vi } from 'vitest';
import { LatestOnly } from '../src/core/validator';

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void; reject: (error: unknown) => void } {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((yes, no) => ([resolve, reject] = [yes, no]));
  return { promise, resolve, reject };
}

describe('validator', () => {
  it('asks one at a time, the latest wins, stale answers are dropped', async () => {
    const answers = [deferred<string>(), deferred<string>()];
    const asked: string[] = [];
    const delivered: [string, number][] = [];
    const validator = new LatestOnly<string>(
      (text) => {
        asked.push(text);
        return answers[asked.length - 1]!.promise;
      },
      (answer, revision) => delivered.push([answer, revision]),
      () => undefined,
    );
    validator.request('a', 1);
    validator.request('b', 2);
    validator.request('c', 3);
    expect(asked).toEqual(['a']);
    answers[0]!.resolve('A');
    await vi.waitFor(() => expect(asked).toEqual(['a', 'c']));
    answers[1]!.resolve('C');
    await vi.waitFor(() => expect(delivered).toEqual([['C', 3]]));
  });

  it('tries again after a failure', async () => {
    vi.useFakeTimers();
    const failures: unknown[] = [];
    const delivered: number[] = [];
    let count = 0;
    const validator = new LatestOnly<string>(
      () => ((count += 1) === 1 ? Promise.reject(new Error('offline')) : Promise.resolve('ok')),
      (_, revision) => delivered.push(revision),
      (error) => failures.push(error),
      100,
    );
    validator.request('a', 7);
    await vi.advanceTimersByTimeAsync(250);
    expect(failures).toHaveLength(1);
    expect(delivered).toEqual([7]);
    vi.useRealTimers();
  });
});
