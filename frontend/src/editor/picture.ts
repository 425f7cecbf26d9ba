/** The canvas as a file: SVG from the pure core, PNG by letting the browser draw that. */

import { pictureOf } from '../core/picture';
import { fileStem, saveBlob } from './files';
import type { EditorStore } from './store.svelte';

const SCALE = 2;
const MAX_SIDE = 12_000;

export function canvasPicture(store: EditorStore): string {
  return pictureOf(store.view, new Map(Object.entries(store.positions())), store.decor, (wire) => store.shapeOf(wire));
}

export async function exportPicture(store: EditorStore, kind: 'svg' | 'png'): Promise<void> {
  const svg = new Blob([canvasPicture(store)], { type: 'image/svg+xml' });
  const name = `${fileStem(store.document)}-${store.definitionName}.${kind}`;
  if (kind === 'svg') saveBlob(svg, name);
  else {
    const png = await rasterise(svg);
    if (png) saveBlob(png, name);
    else store.surface.toast('The browser could not draw the picture: export it as SVG', 'error');
  }
}

async function rasterise(svg: Blob): Promise<Blob | null> {
  const image = new Image();
  const url = URL.createObjectURL(svg);
  image.src = url;
  await image.decode();
  const scale = Math.min(SCALE, MAX_SIDE / Math.max(image.width, image.height));
  const canvas = Object.assign(document.createElement('canvas'), { width: Math.ceil(image.width * scale), height: Math.ceil(image.height * scale) });
  canvas.getContext('2d')!.drawImage(image, 0, 0, canvas.width, canvas.height);
  URL.revokeObjectURL(url);
  return new Promise((resolve) => canvas.toBlob(resolve, 'image/png'));
}
