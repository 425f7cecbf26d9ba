/** What is on screen beside the document: dialogs, the search palette, panels, messages, the theme. */

import type { CardPort } from '../core/connection';
import type { Point } from '../core/document';
import type { PortFilter } from '../core/search';

const TRACKPAD = 'diffusion-designer.trackpad';

export interface Toast {
  id: number;
  kind: 'info' | 'error';
  text: string;
  action?: { label: string; run: () => void };
}

export interface SearchRequest {
  /** Blocks and nodes when absent; else every action, or the links from the selected node. */
  mode?: 'commands' | 'links';
  /** Where the palette opens, in pixels of the canvas; where a block lands, in canvas coordinates. */
  at: Point;
  drop: Point;
  filter?: PortFilter;
  link?: { end: CardPort; direction: 'in' | 'out' };
}

export type PanelTab = 'problems' | 'code' | 'training' | 'export';
export type DialogName = 'gallery' | 'save' | 'keys' | 'compare' | 'tour';

export class Surface {
  dark = $state(false);
  searching = $state.raw<SearchRequest | null>(null);
  dialog = $state<DialogName | null>(null);
  tab = $state<PanelTab>('code');
  panelOpen = $state(true);
  minimap = $state(false);
  /** Two fingers pan and Ctrl with them zooms, instead of the wheel zooming. Kept in the browser. */
  trackpad = $state(localStorage.getItem(TRACKPAD) !== null);
  toasts = $state.raw<Toast[]>([]);
  /** Cards that should be brought into view, all of them when empty: set by a jump, consumed by the canvas. */
  reveal = $state.raw<{ ids: string[]; at: number } | null>(null);
  private toastCount = 0;

  /** Open the search palette; the canvas gives it a place. */
  openSearch: (request?: Partial<SearchRequest>) => void = () => undefined;

  /** Add a block in the middle of what is on screen; the canvas knows where that is. */
  addAtCentre: (call: string) => void = () => undefined;

  /** The middle of what is on screen, in canvas coordinates. */
  centre: () => Point = () => [0, 0];

  toast(text: string, kind: Toast['kind'] = 'info', action?: Toast['action'], milliseconds = kind === 'error' ? 7000 : 4500): void {
    const id = (this.toastCount += 1);
    this.toasts = [...this.toasts.filter((toast) => toast.text !== text), { id, kind, text, action }].slice(-3);
    setTimeout(() => this.dismiss(id), milliseconds);
  }

  dismiss(id: number): void {
    this.toasts = this.toasts.filter((toast) => toast.id !== id);
  }

  showTab(tab: PanelTab): void {
    this.tab = tab;
    this.panelOpen = true;
  }

  toggleTrackpad(): void {
    this.trackpad = !this.trackpad;
    if (this.trackpad) localStorage.setItem(TRACKPAD, 'yes');
    else localStorage.removeItem(TRACKPAD);
  }

  show(ids: string[] = []): void {
    this.reveal = { ids, at: Date.now() };
  }

  /** Close what lies over the canvas; whether there was anything. */
  close(): boolean {
    const open = this.searching !== null || this.dialog !== null;
    this.searching = null;
    this.dialog = null;
    return open;
  }
}
