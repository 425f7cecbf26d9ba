/** Python source as highlighted lines; highlight.js does the reading. */

import hljs from 'highlight.js/lib/core';
import python from 'highlight.js/lib/languages/python';

hljs.registerLanguage('python', python);

/** One HTML string a line; spans that run over line ends are closed and opened again. */
export function pythonLines(source: string): string[] {
  const open: string[] = [];
  return hljs.highlight(source, { language: 'python' }).value.split('\n').map((line) => {
    const before = open.join('');
    for (const tag of line.match(/<span[^>]*>|<\/span>/g) ?? []) {
      if (tag === '</span>') open.pop();
      else open.push(tag);
    }
    return before + line + '</span>'.repeat(open.length);
  });
}
