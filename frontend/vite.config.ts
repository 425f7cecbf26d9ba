import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

const STILL = new URL('./src/still.ts', import.meta.url).pathname;

// The bundle is committed and shipped inside the wheel, so file names carry no hash and the output is one
// entry with its exports kept (Gradio's page imports `mountEditor` from it at run time).
export default defineConfig({
  plugins: [svelte()],
  base: './',
  resolve: { alias: { 'd3-transition': STILL, 'd3-interpolate': STILL } },
  build: {
    outDir: '../designer/ui/dist',
    emptyOutDir: true,
    target: 'es2022',
    cssCodeSplit: false,
    assetsInlineLimit: 0,
    modulePreload: false,
    rollupOptions: {
      input: 'src/index.ts',
      preserveEntrySignatures: 'strict',
      output: { format: 'es', entryFileNames: 'editor.js', chunkFileNames: '[name].js', assetFileNames: assetName },
    },
  },
});

function assetName(asset: { names: string[] }): string {
  return asset.names.some((name) => name.endsWith('.css')) ? 'editor.css' : '[name][extname]';
}
