/** The Python side as the page sees it: named server functions, one JSON string in, one JSON value out. */

import type { CheckResult, Fix, Rendered } from '../core/annotations';
import type { Values } from '../core/document';
import type { Composite } from '../core/library';
import type { Stability } from '../core/stability';
import type { ExportReport } from './export.svelte';

export type Server = Record<string, (argument: string) => Promise<unknown>>;

export interface PresetEntry {
  id: string;
  family: string;
  title: string;
  parameters: number;
  summary: string;
  drawing: string;
  inputs?: unknown;
}

export interface FileEntry {
  name: string;
  modified: number;
  bytes: number;
}

export interface OpenedDesign {
  document: string;
  file: string | null;
  /** Hash of the file as read; a save names it, so that another tab's work is not overwritten in silence. */
  base: string | null;
}

export interface Recovered {
  document: string;
  file: string | null;
  saved_at: number;
}

export interface SessionStart extends OpenedDesign {
  /** Unsaved edits that the server kept from a page that went away. */
  recovered: Recovered | null;
  workspace: string;
  device: string;
}

/** What is different between two designs, node by node. */
export interface Comparison {
  changes: { kind: string; place: string; what: string; before: unknown; after: unknown }[];
  costs: { name: string; before: number | null; after: number | null }[];
}

export interface TrainingEvent {
  type: 'status' | 'progress' | 'seed' | 'verdict' | 'error';
  [key: string]: unknown;
}

export interface JobStatus<R> {
  state: 'running' | 'done' | 'failed' | 'cancelled';
  message: string;
  report: R | null;
  download: string | null;
}

/** Python answered that the request cannot be carried out; the message is for the user. */
export class ApiError extends Error {}

export class Api {
  constructor(private readonly server: Server) {}

  private async call<R>(name: string, argument: unknown = {}): Promise<R> {
    const text = typeof argument === 'string' ? argument : JSON.stringify(argument);
    const answer = (await this.server[name]!(text)) as (R & { error?: string }) | undefined;
    if (!answer) throw new Error('no answer'); // the connection broke while Python was asked
    if (typeof answer.error === 'string') throw new ApiError(answer.error);
    return answer;
  }

  start = (): Promise<SessionStart> => this.call('start_session');
  check = (document: string): Promise<CheckResult> => this.call('check_design', document);
  render = (document: string): Promise<Rendered> => this.call('render_design', document);
  predict = (document: string): Promise<{ stability: Stability | null }> => this.call('predict_stability', document);
  applyFix = (request: { document: string; fix: Fix }): Promise<{ document: string }> => this.call('apply_fix', request);
  presets = (): Promise<{ presets: PresetEntry[] }> => this.call('list_presets');
  openPreset = (id: string): Promise<OpenedDesign> => this.call('open_preset', { id });
  files = (): Promise<{ files: FileEntry[] }> => this.call('list_files');
  openFile = (name: string): Promise<OpenedDesign> => this.call('open_file', { name });
  read = (file: { name: string; content: string }): Promise<OpenedDesign & { problems: string[] }> => this.call('read_file', file);
  compare = (request: { before: string; after: string }): Promise<Comparison> => this.call('compare_designs', request);
  package = (document: string): Promise<{ archive: string }> => this.call('package_design', document);
  palette = (): Promise<{ palette: Composite[] }> => this.call('list_palette');
  keep = (request: { name: string; document: string }): Promise<{ palette: Composite[] }> => this.call('keep_definition', request);
  forget = (name: string): Promise<{ palette: Composite[] }> => this.call('forget_definition', { name });
  save = (request: { name: string; document: string; base: string | null; force: boolean }): Promise<OpenedDesign & { conflict?: boolean }> =>
    this.call('save_file', request);
  autosave = (request: { document: string | null; file: string | null }): Promise<{ saved_at: number }> => this.call('autosave', request);
  startTraining = (request: { document: string; options: Values }): Promise<{ run: string; folder: string }> => this.call('start_training', request);
  trainingEvents = (request: { run: string; after: number }): Promise<{ events: TrainingEvent[]; done: boolean }> => this.call('training_events', request);
  cancelTraining = (run: string): Promise<object> => this.call('cancel_training', { run });
  startExport = (request: { document: string; precision: string; check: boolean; weights: string | null }): Promise<{ job: string }> =>
    this.call('start_export', request);
  exportStatus = (job: string): Promise<JobStatus<ExportReport>> => this.call('export_status', { job });
  cancelExport = (job: string): Promise<object> => this.call('cancel_export', { job });
}
