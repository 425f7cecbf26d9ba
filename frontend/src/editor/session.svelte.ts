/** The life of one open page: checking and rendering after each edit, opening, saving, autosave, recovery. */

import type { CheckResult, Fix, Rendered } from '../core/annotations';
import { parse, serialise } from '../core/document';
import { LatestOnly } from '../core/validator';
import { flushSync } from 'svelte';
import { type Api, ApiError, type OpenedDesign, type Recovered } from './api';
import { base64, fileStem, saveBlob } from './files';
import type { EditorStore } from './store.svelte';
import { Prediction } from './prediction.svelte';
import { Training } from './training.svelte';
import { Export } from './export.svelte';
import { Tabs } from './tabs';

const RENDER_PAUSE = 180;
const AUTOSAVE_PAUSE = 700;
const LONG = 30_000;
const MAX_FILE = 64_000_000;
const KEPT = 'diffusion-designer.unsaved';
const WELCOMED = 'diffusion-designer.welcomed';

interface Kept {
  document: string;
  file: string | null;
  base: string | null;
  /** The document this page began with: what is kept is only restored onto the same beginning. */
  start: string;
}

export class Session {
  /** Milliseconds from edit to painted diagnostics, the latest last. */
  readonly timings: number[] = [];
  /** The revision that the code on screen belongs to. */
  renderedRevision = -1;
  readonly training: Training;
  readonly exporting: Export;
  readonly prediction: Prediction;
  workspace = $state('');
  device = $state('');
  ready = $state(false);
  restored = $state(false);

  private readonly checker: LatestOnly<CheckResult>;
  private readonly renderer: LatestOnly<Rendered>;
  private renderTimer: ReturnType<typeof setTimeout> | undefined;
  private autosaveTimer: ReturnType<typeof setTimeout> | undefined;
  private startText = '';
  private readonly tabs: Tabs;

  constructor(
    private readonly store: EditorStore,
    readonly api: Api,
  ) {
    const fail = (error: unknown): void => this.lost(error);
    this.checker = new LatestOnly(api.check, (answer, revision, ms) => this.showCheck(answer, revision, ms), fail);
    this.renderer = new LatestOnly(api.render, (answer, revision) => this.showSource(answer, revision), fail);
    this.training = new Training(store, api);
    this.prediction = new Prediction(store, api);
    this.exporting = new Export(store, api, this.training);
    this.tabs = new Tabs(store);
    store.onchange = () => this.edited();
  }

  /** Ask Python what to show; edits that were not saved before a reload come first. */
  async start(): Promise<void> {
    try {
      const begun = await this.api.start();
      this.workspace = begun.workspace;
      this.device = begun.device;
      this.startText = begun.document;
      const kept = this.kept();
      if (kept) this.restore(kept.document, kept, 'Restored the edits of this tab');
      else {
        this.show(begun);
        if (begun.recovered) this.offer(begun.recovered);
      }
      this.ready = true;
      this.welcome();
      this.store.kept = (await this.api.palette()).palette;
    } catch (error) {
      this.store.surface.toast(`The editor could not start: ${text(error)}`, 'error');
    }
  }

  /** The tour opens by itself once, and never where a script drives the page. */
  private welcome(): void {
    if (navigator.webdriver || localStorage.getItem(WELCOMED) !== null) return;
    localStorage.setItem(WELCOMED, 'yes');
    this.store.surface.dialog = 'tour';
  }

  stop(): void {
    this.checker.stop();
    this.renderer.stop();
    clearTimeout(this.renderTimer);
    clearTimeout(this.autosaveTimer);
    this.training.stop();
    this.prediction.stop();
    this.tabs.stop();
  }

  private restore(document: string, origin: { file: string | null; base: string | null }, message: string): void {
    this.store.load(parse(document), { file: origin.file, base: origin.base, saved: false });
    this.restored = true;
    this.store.surface.toast(message, 'info', { label: 'Discard', run: () => void this.discard() });
  }

  /** Edits of a page that went away, maybe on another design: offered, not forced. */
  private offer(recovered: Recovered): void {
    const at = new Date(recovered.saved_at * 1000).toLocaleTimeString();
    const take = (): void => this.store.load(parse(recovered.document), { file: recovered.file, base: null, saved: false });
    this.store.surface.toast(`Edits that were not saved were kept at ${at}`, 'info', { label: 'Recover', run: take }, LONG);
  }

  /** Throw unsaved edits away and return to what the page began with. */
  private async discard(): Promise<void> {
    sessionStorage.removeItem(KEPT);
    await this.api.autosave({ document: null, file: this.store.file });
    this.show(await this.api.start());
  }

  private show(opened: OpenedDesign): void {
    this.store.load(parse(opened.document), { file: opened.file, base: opened.base, saved: true });
    this.forget();
    this.tabs.opened();
  }

  /** After each edit: check at once, render after a pause, keep a copy. */
  private edited(): void {
    const document = serialise(this.store.document);
    const { revision } = this.store;
    this.checker.request(document, revision);
    clearTimeout(this.renderTimer);
    this.renderTimer = setTimeout(() => this.renderer.request(serialise(this.store.document), this.store.revision), RENDER_PAUSE);
    clearTimeout(this.autosaveTimer);
    if (this.ready) this.autosaveTimer = setTimeout(() => void this.keep(), AUTOSAVE_PAUSE);
  }

  private showCheck(answer: CheckResult, revision: number, milliseconds: number): void {
    this.found();
    if (revision !== this.store.revision) return;
    const painting = performance.now();
    flushSync(() => {
      this.store.check = answer;
      this.store.checkedRevision = revision;
    });
    requestAnimationFrame(() => this.timings.push(milliseconds + performance.now() - painting));
  }

  private showSource(answer: Rendered, revision: number): void {
    this.found();
    if (revision !== this.store.revision) return;
    this.renderedRevision = revision;
    if (answer.problem === '' && JSON.stringify(answer.source) !== JSON.stringify(this.store.rendered.source)) this.store.sourceBefore = this.store.rendered.source;
    this.store.rendered = answer.problem === '' ? answer : { ...this.store.rendered, problem: answer.problem };
  }

  /** Python answers: after a lost connection the page says so. */
  private found(): void {
    if (!this.store.connected) this.store.surface.toast('Connected again: nothing was lost');
    this.store.connected = true;
  }

  private lost(error: unknown): void {
    if (error instanceof ApiError) this.store.surface.toast(error.message, 'error');
    else this.store.connected = false;
  }

  /** Keep unsaved edits in this tab (reload) and on the server (a crash of either side). */
  private async keep(): Promise<void> {
    const { file, base, dirty } = this.store;
    if (!dirty) return;
    const document = serialise(this.store.document);
    const kept: Kept = { document, file, base, start: this.startText };
    try {
      sessionStorage.setItem(KEPT, JSON.stringify(kept));
      await this.api.autosave({ document, file });
    } catch (error) {
      this.lost(error);
    }
  }

  private kept(): Kept | null {
    const stored = sessionStorage.getItem(KEPT);
    if (stored === null) return null;
    const kept = JSON.parse(stored) as Kept;
    return kept.start === this.startText ? kept : null;
  }

  private forget(): void {
    clearTimeout(this.autosaveTimer);
    sessionStorage.removeItem(KEPT);
  }

  async openPreset(id: string): Promise<void> {
    await this.attempt(async () => this.show(await this.api.openPreset(id)));
  }

  async openFile(name: string): Promise<void> {
    await this.attempt(async () => this.show(await this.api.openFile(name)));
  }

  /** Open a file from this computer: a design, a configuration of diffusers, an ONNX model. Python reads it. */
  async openLocal(file: File): Promise<void> {
    if (!this.mayLeave()) return;
    await this.attempt(async () => {
      if (file.size > MAX_FILE) throw new Error(`${file.name} has ${Math.round(file.size / 1e6)} MB; at most 64 MB can be read here: use \`designer import\``);
      const opened = await this.api.read({ name: file.name, content: await base64(file) });
      this.store.load(parse(opened.document), { file: null, base: null, saved: false });
      for (const problem of opened.problems) this.store.surface.toast(problem, 'error');
    });
  }

  /** Whether the design may be replaced: asked when edits are not saved. */
  mayLeave(): boolean {
    return !this.store.dirty || confirm('The edits of this design are not saved. Open another one?');
  }

  /** Save under the name the design has, or ask for one. */
  async save(): Promise<void> {
    if (this.store.file === null) this.store.surface.dialog = 'save';
    else await this.saveAs(this.store.file, this.store.base);
  }

  /** Save in the workspace. When the file changed since it was opened, nothing is overwritten in silence. */
  async saveAs(name: string, base: string | null, force = false): Promise<void> {
    await this.attempt(async () => {
      const document = serialise(this.store.document);
      const saved = await this.api.save({ name, document, base, force });
      if (saved.conflict) {
        this.store.surface.dialog = null;
        this.store.surface.toast(`${name} exists with other contents`, 'error', { label: 'Overwrite', run: () => void this.saveAs(name, base, true) });
        return;
      }
      this.store.file = saved.file;
      this.store.base = saved.base;
      this.store.savedText = document;
      this.store.surface.dialog = null;
      this.forget();
      this.tabs.saved();
      this.store.surface.toast(`Saved ${saved.file}`);
    });
  }

  /** Apply a fix that the check offered: one edit, undone in one step. */
  async applyFix(fix: Fix): Promise<void> {
    await this.attempt(async () => {
      const document = serialise(this.store.document);
      const fixed = await this.api.applyFix({ document, fix });
      if (serialise(this.store.document) !== document) throw new Error('The design changed meanwhile; apply the fix again');
      this.store.apply(`fix: ${fix.title}`, () => parse(fixed.document));
    });
  }

  /** Keep the definition on screen for other designs. */
  async keepDefinition(): Promise<void> {
    await this.attempt(async () => {
      const name = this.store.definitionName;
      this.store.kept = (await this.api.keep({ name, document: serialise(this.store.document) })).palette;
      this.store.surface.toast(`${name} is in your palette, for every design of this workspace`);
    });
  }

  async forgetDefinition(name: string): Promise<void> {
    await this.attempt(async () => void (this.store.kept = (await this.api.forget(name)).palette));
  }

  /** The design as a repository that trains, samples and exports. */
  async downloadPackage(): Promise<void> {
    await this.attempt(async () => {
      const { archive } = await this.api.package(serialise(this.store.document));
      saveBlob(new Blob([Uint8Array.from(atob(archive), (letter) => letter.charCodeAt(0))], { type: 'application/zip' }), `${fileStem(this.store.document)}.zip`);
    });
  }

  download(): void {
    const blob = new Blob([`${JSON.stringify(this.store.document, null, 1)}\n`], { type: 'application/json' });
    saveBlob(blob, `${fileStem(this.store.document)}.json`);
  }

  private async attempt(action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (error) {
      this.store.surface.toast(text(error), 'error');
    }
  }
}

const text = (error: unknown): string => (error instanceof Error ? error.message : String(error));
