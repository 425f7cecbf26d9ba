// Runs in Gradio's page when the component is placed. `element`, `props` and `server` are given by gr.HTML.
// The bundle is imported by its URL: a script tag in the head would lose its type="module".
const host = element.querySelector('.designer-host');
const config = window.gradio_config || {};
const root = (config.root || '').replace(/\/$/, '') + (config.api_prefix || '/gradio_api');
const base = new URL(`${root}/file=${props.dist}/`, location.href).href;

if (!document.getElementById('designer-css')) {
  const link = document.createElement('link');
  link.id = 'designer-css';
  link.rel = 'stylesheet';
  link.href = `${base}editor.css?v=${props.version}`;
  document.head.appendChild(link);
}

import(`${base}editor.js?v=${props.version}`)
  .then(({ mountEditor }) => {
    const editor = mountEditor(host, { server, catalogue: props.catalogue, library: props.library });
    host.editor = editor;
    // gr.HTML has no hook for removal.
    const observer = new MutationObserver(() => {
      if (host.isConnected) return;
      observer.disconnect();
      editor.destroy();
    });
    observer.observe(document.body, { childList: true, subtree: true });
  })
  .catch((error) => {
    host.textContent = `The editor could not be loaded: ${error}`;
    console.error(error);
  });
