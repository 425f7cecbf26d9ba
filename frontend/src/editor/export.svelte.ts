/** An export to ONNX as the page follows it; the work happens in a child process of the server. */

import { serialise } from '../core/document';
import type { Api } from './api';
import type { EditorStore } from './store.svelte';
import type { Training } from './training.svelte';

/** What `designer export --json` prints. */
export interface ExportReport {
  ok: boolean;
  model: string;
  files: string[];
  bytes: number;
  opset: number;
  precision: string;
  provider: string;
  weights: string;
  limit: number;
  parity: Comparison[];
}

/** ONNX Runtime against PyTorch at one size and timestep. */
export interface Comparison {
  output: string;
  at: Record<string, number>;
  timestep: number;
  max_abs: number;
  relative_l2: number;
  ok: boolean;
}

const POLL = 400;

export class Export {
  state = $state<'idle' | 'running' | 'done' | 'failed' | 'cancelled'>('idle');
  report = $state.raw<ExportReport | null>(null);
  message = $state('');
  download = $state<string | null>(null);
  private job: string | null = null;

  constructor(
    private readonly store: EditorStore,
    private readonly api: Api,
    private readonly training: Training,
  ) {}

  get obstacle(): string | null {
    if (this.state === 'running') return 'An export is under way';
    return this.store.errors > 0 ? `Solve ${this.store.errors === 1 ? 'the error' : `the ${this.store.errors} errors`} first` : null;
  }

  /** The folder of the last finished run, whose weights can be exported. */
  get trained(): string | null {
    return this.training.state === 'done' ? this.training.folder : null;
  }

  async begin(options: { precision: string; check: boolean; useTrained: boolean }): Promise<void> {
    Object.assign(this, { state: 'running', report: null, message: '', download: null });
    try {
      const weights = options.useTrained ? this.trained : null;
      const { job } = await this.api.startExport({ document: serialise(this.store.document), precision: options.precision, check: options.check, weights });
      this.job = job;
      await this.follow(job);
    } catch (error) {
      this.state = 'failed';
      this.message = error instanceof Error ? error.message : String(error);
    }
  }

  async cancel(): Promise<void> {
    if (this.job !== null && this.state === 'running') await this.api.cancelExport(this.job);
  }

  private async follow(job: string): Promise<void> {
    for (;;) {
      const status = await this.api.exportStatus(job);
      if (status.state === 'running') {
        this.message = status.message;
        await new Promise((resolve) => setTimeout(resolve, POLL));
        continue;
      }
      Object.assign(this, { state: status.state, report: status.report, message: status.message, download: status.download });
      return;
    }
  }
}
