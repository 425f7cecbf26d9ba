/** Asks Python about the document: one request in flight, the latest wins, stale answers are dropped. */

export interface Ask<A> {
  (document: string): Promise<A>;
}

export class LatestOnly<A> {
  private busy = false;
  private waiting: { text: string; revision: number; since: number } | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * `deliver` receives an answer with the revision it belongs to and the time since the edit; `fail` an error.
   * After an error the last document is asked again every `retry` milliseconds.
   */
  constructor(
    private readonly ask: Ask<A>,
    private readonly deliver: (answer: A, revision: number, milliseconds: number) => void,
    private readonly fail: (error: unknown) => void,
    private readonly retry = 2000,
  ) {}

  request(text: string, revision: number): void {
    clearTimeout(this.timer);
    this.waiting = { text, revision, since: performance.now() };
    if (!this.busy) void this.run();
  }

  private async run(): Promise<void> {
    this.busy = true;
    while (this.waiting) {
      const job = this.waiting;
      this.waiting = null;
      try {
        const answer = await this.ask(job.text);
        if (!this.waiting) this.deliver(answer, job.revision, performance.now() - job.since);
      } catch (error) {
        this.fail(error);
        this.timer = setTimeout(() => this.waiting === null && this.request(job.text, job.revision), this.retry);
      }
    }
    this.busy = false;
  }

  stop(): void {
    clearTimeout(this.timer);
    this.waiting = null;
  }
}
