/** Other tabs with the same file: each learns of the other, and of what it saved. */

import type { EditorStore } from './store.svelte';

type Message = { kind: 'opened' | 'present' | 'saved'; file: string };

export class Tabs {
  private readonly channel = new BroadcastChannel(`diffusion-designer ${location.host}`);

  constructor(private readonly store: EditorStore) {
    this.channel.onmessage = (event: MessageEvent<Message>) => this.heard(event.data);
  }

  /** This tab opened a file. */
  opened(): void {
    this.say('opened');
  }

  /** This tab wrote a file. */
  saved(): void {
    this.say('saved');
  }

  stop(): void {
    this.channel.close();
  }

  private say(kind: Message['kind']): void {
    if (this.store.file !== null) this.channel.postMessage({ kind, file: this.store.file } satisfies Message);
  }

  private heard({ kind, file }: Message): void {
    if (file !== this.store.file) return;
    if (kind === 'opened') this.say('present');
    const text = kind === 'saved' ? `${file} was saved in another tab: saving here will ask first` : `${file} is open in another tab too`;
    this.store.surface.toast(text, 'info', undefined, 12_000);
  }
}
