/** Python source as highlighted lines: comments, texts, numbers, words of the language, names that are defined. */

const TOKEN = /(#.*)|((?:[rbf]|\b)?(?:"""[\s\S]*?(?:"""|$)|'''[\s\S]*?(?:'''|$)|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))|(\b\d[\d_]*(?:\.\d*)?(?:e[+-]?\d+)?\b)|(?<=\b(?:def|class)\s+)(\w+)|\b(and|as|assert|async|await|break|class|continue|def|del|elif|else|except|finally|for|from|global|if|import|in|is|lambda|nonlocal|not|or|pass|raise|return|try|while|with|yield)\b|\b(True|False|None)\b/g;
const CLASSES = ['comment', 'string', 'number', 'title', 'keyword', 'literal'];

const escape = (text: string): string => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
const span = (kind: string, text: string): string => `<span class="code-${kind}">${escape(text)}</span>`;

/** One HTML string a line; a text that runs over line ends is closed and opened again. */
export function pythonLines(source: string): string[] {
  let html = '';
  let at = 0;
  for (const match of source.matchAll(TOKEN)) {
    const kind = CLASSES[match.slice(1).findIndex((group) => group !== undefined)]!;
    html += escape(source.slice(at, match.index)) + match[0].split('\n').map((line) => span(kind, line)).join('\n');
    at = match.index + match[0].length;
  }
  return (html + escape(source.slice(at))).split('\n');
}
