import { getContext, setContext } from 'svelte';
import type { Actions } from './actions';
import type { Session } from './session.svelte';
import type { EditorStore } from './store.svelte';

const KEY = Symbol('editor');

export interface EditorContext {
  store: EditorStore;
  session: Session;
  actions: Actions;
}

export const provideEditor = (context: EditorContext): EditorContext => setContext(KEY, context);
export const useEditor = (): EditorContext => getContext<EditorContext>(KEY);
