/**
 * Sections of Markdown pages that are written by a program: what stands between `<!-- NAME:begin -->` and `<!-- NAME:end -->`.
 */

/** @returns what stands between the markers. @throws Error when the page lacks one of them */
export function sectionOf(page: string, name: string): string {
  const { from, to } = find(page, name);
  return page.slice(from, to).trim();
}

/** @returns the page with `content` between the markers. @throws Error when the page lacks one of them */
export function withSection(page: string, name: string, content: string): string {
  const { from, to } = find(page, name);
  return `${page.slice(0, from)}\n${content}\n${page.slice(to)}`;
}

function find(page: string, name: string): { from: number; to: number } {
  const begin = `<!-- ${name}:begin -->`;
  const from = page.indexOf(begin);
  const to = page.indexOf(`<!-- ${name}:end -->`);
  if (from < 0 || to < from) throw new Error(`the page needs ${begin} and, behind it, the same with "end"`);
  return { from: from + begin.length, to };
}
