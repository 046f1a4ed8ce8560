// The demonstration page: fills in this server's own address and copies the line to embed.
(() => {
  'use strict';
  const snippet = document.querySelector('#snippet');
  snippet.textContent = snippet.textContent.replace('"widget.js"', `"${new URL('widget.js', location.href).href}"`);
  document.querySelector('#copy').addEventListener('click', async () => {
    const said = document.querySelector('#copied');
    try {
      await navigator.clipboard.writeText(snippet.textContent);
      said.textContent = 'Copied.';
    } catch {
      getSelection().selectAllChildren(snippet);
      said.textContent = 'Selected. Press Ctrl+C to copy.';
    }
  });
})();
