/** What the tests of the documentation read out of a Markdown page. */

export interface Fence {
  /** What stands behind the opening backticks: `ts runnable`. */
  readonly info: string;
  readonly code: string;
  /** Line of the opening backticks, from 1. */
  readonly line: number;
}

const FENCE = /^( *)```(.*)\n([\s\S]*?)^\1```$/gm;

export function fencesOf(page: string): Fence[] {
  return [...page.matchAll(FENCE)].map((match) => ({
    info: match[2]!.trim(),
    code: match[3]!,
    line: page.slice(0, match.index).split('\n').length,
  }));
}

/** The page without its fenced blocks. */
export function proseOf(page: string): string {
  return page.replace(FENCE, '');
}

/** Targets of links and images, as they are written. */
export function linksOf(page: string): string[] {
  const withoutCode = proseOf(page).replace(/`[^`\n]*`/g, '');
  return [...withoutCode.matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1]!);
}

/** What stands between single backticks. */
export function codeSpansOf(page: string): string[] {
  return [...proseOf(page).matchAll(/`([^`\n]+)`/g)].map((match) => match[1]!);
}

export function headingsOf(page: string): string[] {
  return [...proseOf(page).matchAll(/^#+ (.*)$/gm)].map((match) => match[1]!.trim());
}

/** The anchor that code hosts give a heading. */
export function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replace(/\s/g, '-');
}

/** The cells of the rows of the first table behind a heading, without its head. */
export function tableBehind(page: string, heading: string): string[][] {
  const at = page.indexOf(`## ${heading}\n`);
  if (at < 0) throw new Error(`there is no heading ${heading}`);
  const table = /^\|.*\n\|[ :|-]+\n((?:\|.*\n?)+)/m.exec(page.slice(at));
  if (table === null) throw new Error(`there is no table behind ${heading}`);
  return table[1]!
    .trimEnd()
    .split('\n')
    .map((row) =>
      row
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}
