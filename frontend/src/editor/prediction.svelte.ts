/** The predicted stability of the document: asked for only while something shows it. */

import { serialise } from '../core/document';
import type { EdgePrediction, NodePrediction, Quantity, Stability } from '../core/stability';
import { LatestOnly } from '../core/validator';
import type { Api } from './api';
import type { EditorStore } from './store.svelte';

const PAUSE = 150;

export class Prediction {
  /** What colours the canvas, null for nothing; `last` is what it showed before it was put away. */
  shown = $state<Quantity | null>(null);
  result = $state.raw<Stability | null>(null);
  /** The revision that the result belongs to. */
  revision = $state(-1);
  private last: Quantity = 'activation';
  private asked = -1;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly asker: LatestOnly<{ stability: Stability | null }>;

  constructor(
    private readonly store: EditorStore,
    api: Api,
  ) {
    const deliver = (answer: { stability: Stability | null }, revision: number): void => {
      if (revision !== this.store.revision) return;
      this.result = answer.stability;
      this.revision = revision;
    };
    const fail = (): void => {
      this.asked = -1;
    };
    this.asker = new LatestOnly(api.predict, deliver, fail);
  }

  toggle(): void {
    this.shown = this.shown === null ? this.last : null;
  }

  show(quantity: Quantity): void {
    this.shown = this.last = quantity;
  }

  /** Called by what shows the prediction, for the document as it is now. */
  need(): void {
    const { revision } = this.store;
    if (this.asked === revision) return;
    this.asked = revision;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.asker.request(serialise(this.store.document), revision), PAUSE);
  }

  node(id: string): NodePrediction | undefined {
    return this.result?.nodes[`${this.store.definitionName}/${id}`];
  }

  edge(from: string, to: string): EdgePrediction | undefined {
    return this.result?.edges[`${this.store.definitionName}/${from}->${to.replace('@', '')}`];
  }

  stop(): void {
    clearTimeout(this.timer);
    this.asker.stop();
  }
}
