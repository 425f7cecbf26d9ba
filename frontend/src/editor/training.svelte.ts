/** A smoke-train as the page follows it: events are fetched from Python, which owns the run. */

import { serialise } from '../core/document';
import { type Api, ApiError, type TrainingEvent } from './api';
import type { EditorStore } from './store.svelte';
import { DEFAULT_OPTIONS, type TrainingOptions, toRequest } from './training-options';

export interface Progress {
  seed: number;
  step: number;
  steps: number;
  loss: number;
  grad_norm: number;
  loss_per_bin: (number | null)[];
  grad_per_bin: (number | null)[];
  seconds_left?: number;
}

export interface Reason {
  code: string;
  severity: 'WARN' | 'FAIL';
  message: string;
  mechanism?: string;
  article_section?: string;
  node?: string;
  noise_bins?: number[];
}

export interface Verdict {
  verdict: 'ok' | 'warn' | 'fail' | 'cancelled' | 'crashed';
  summary: string;
  reasons: Reason[];
}

const POLL = 250;

export class Training {
  options = $state<TrainingOptions>({ ...DEFAULT_OPTIONS });
  state = $state<'idle' | 'starting' | 'running' | 'done' | 'cancelled' | 'failed'>('idle');
  progress = $state.raw<Progress[]>([]);
  verdict = $state.raw<Verdict | null>(null);
  message = $state('');
  /** What the child process does before the first step. */
  status = $state('');
  folder = $state('');
  /** Name of the design that was trained: edits made meanwhile do not change the run. */
  subject = $state('');

  private run: string | null = null;
  private seen = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly store: EditorStore,
    private readonly api: Api,
  ) {}

  get busy(): boolean {
    return this.state === 'starting' || this.state === 'running';
  }

  get last(): Progress | undefined {
    return this.progress.at(-1);
  }

  /** Why a run cannot start now, or null. */
  get obstacle(): string | null {
    if (this.busy) return 'A run is under way';
    if (this.store.errors > 0) return `Solve ${this.store.errors === 1 ? 'the error' : `the ${this.store.errors} errors`} first`;
    return null;
  }

  async begin(): Promise<void> {
    this.store.surface.showTab('training');
    if (this.obstacle) {
      this.store.surface.toast(this.obstacle, 'error');
      return;
    }
    Object.assign(this, { state: 'starting', progress: [], verdict: null, message: '', status: '', seen: 0, subject: this.store.document.name });
    try {
      const started = await this.api.startTraining({ document: serialise(this.store.document), options: toRequest(this.options) });
      this.run = started.run;
      this.folder = started.folder;
      this.state = 'running';
      await this.poll();
    } catch (error) {
      this.fail(error);
    }
  }

  async cancel(): Promise<void> {
    if (this.run !== null && this.busy) await this.api.cancelTraining(this.run).catch((error: unknown) => this.fail(error));
  }

  stop(): void {
    clearTimeout(this.timer);
  }

  private async poll(): Promise<void> {
    if (this.run === null) return;
    try {
      const { events, done } = await this.api.trainingEvents({ run: this.run, after: this.seen });
      this.seen += events.length;
      this.take(events);
      this.store.connected = true;
      if (done) this.finish();
      else this.timer = setTimeout(() => void this.poll(), POLL);
    } catch (error) {
      if (error instanceof ApiError) this.fail(error);
      else {
        this.store.connected = false;
        this.timer = setTimeout(() => void this.poll(), 2000);
      }
    }
  }

  private take(events: TrainingEvent[]): void {
    const steps = events.filter((event) => event.type === 'progress') as unknown as Progress[];
    if (steps.length > 0) this.progress = [...this.progress, ...steps];
    for (const event of events) {
      if (event.type === 'verdict') this.verdict = event as unknown as Verdict;
      if (event.type === 'error') this.message = String(event.message);
      if (event.type === 'status') this.status = String(event.message);
    }
  }

  private finish(): void {
    const ended = { ok: 'done', warn: 'done', fail: 'done', cancelled: 'cancelled', crashed: 'failed' } as const;
    this.state = this.verdict ? ended[this.verdict.verdict] : 'failed';
  }

  private fail(error: unknown): void {
    this.state = 'failed';
    this.message = error instanceof Error ? error.message : String(error);
  }
}
