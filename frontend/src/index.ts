/** The entry that Gradio's page imports: mounts the editor in an element. */

import '@xyflow/svelte/dist/style.css';
import './styles/tokens.css';
import './styles/base.css';
import './styles/canvas.css';
import { mount, unmount } from 'svelte';
import type { BlockSpec } from './core/document';
import type { Composite } from './core/library';
import { serialise } from './core/document';
import { Api, type Server } from './editor/api';
import Editor from './editor/Editor.svelte';
import { Session } from './editor/session.svelte';
import { EditorStore } from './editor/store.svelte';

export interface MountOptions {
  server: Server;
  catalogue: string;
  library: string;
}

/** The handle kept on the host element: what tests and scripts may ask of the editor. */
export interface EditorHandle {
  store: EditorStore;
  session: Session;
  document(): string;
  destroy(): void;
}

export function mountEditor(target: HTMLElement, options: MountOptions): EditorHandle {
  const store = new EditorStore();
  store.catalogue = indexed<BlockSpec>(options.catalogue);
  store.shipped = indexed<Composite>(options.library);
  const session = new Session(store, new Api(options.server));
  const followTheme = (): void => {
    store.surface.dark = document.body.classList.contains('dark');
  };
  const observer = new MutationObserver(followTheme);
  observer.observe(document.body, { attributes: true, attributeFilter: ['class'] });
  followTheme();
  const component = mount(Editor, { target, props: { store, session } });
  void session.start();
  return {
    store,
    session,
    document: () => serialise(store.document),
    destroy: () => {
      observer.disconnect();
      session.stop();
      void unmount(component);
    },
  };
}

function indexed<T extends { name: string }>(text: string): Record<string, T> {
  const entries = JSON.parse(text) as T[];
  return Object.fromEntries(entries.map((entry) => [entry.name, entry]));
}
