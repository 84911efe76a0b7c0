/**
 * Files in the form of RabbitMQ's `rabbitmq.conf`: `key = value` a line, `#` starts a comment, `include FILE` reads another one in
 * its place.
 */
import type { Assignment, Findings } from './assignment.ts';

/** What `include` names, as paths and contents. @throws Error when it cannot be read */
export type Include = (named: string, from: string) => readonly { readonly path: string; readonly content: string }[];

/** Files that include each other, in a circle or not. */
const INCLUDES_MAX = 20;

/** @param path for messages */
export function readSysctl(path: string, content: string, findings: Findings, include: Include): Assignment[] {
  return linesOf({ path, content, findings, include, depth: 0 });
}

interface Source {
  readonly path: string;
  readonly content: string;
  readonly findings: Findings;
  readonly include: Include;
  readonly depth: number;
}

function linesOf(source: Source): Assignment[] {
  return source.content
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .flatMap((line, index) => {
      const text = withoutComment(line);
      if (text === '') return [];
      const origin = `${source.path}:${index + 1}`;
      try {
        const included = /^include\s+([^=]+)$/.exec(text)?.[1];
        return included === undefined ? [readLine(text, origin)] : linesIncluded(source, unquoted(included));
      } catch (error) {
        source.findings.faults.push(`${origin}: ${(error as Error).message}`);
        return [];
      }
    });
}

function linesIncluded(source: Source, named: string): Assignment[] {
  const depth = source.depth + 1;
  if (depth > INCLUDES_MAX) throw new Error(`include ${named}: more than ${INCLUDES_MAX} files include each other`);
  return source.include(named, source.path).flatMap((file) => linesOf({ ...source, ...file, depth }));
}

function readLine(text: string, origin: string): Assignment {
  const at = text.indexOf('=');
  if (at < 0) throw new Error(`expected KEY = VALUE, found "${text}"`);
  // In a part that the user chooses, a dot may be written as `\.`.
  const key = text.slice(0, at).trim().replaceAll('\\.', '.');
  return { key, value: unquoted(text.slice(at + 1).trim()), origin };
}

/** A `#` inside of quotes belongs to the value. */
function withoutComment(line: string): string {
  return (/^(?:[^#'"]|'[^']*'|"[^"]*")*/.exec(line)?.[0] ?? '').trim();
}

function unquoted(text: string): string {
  return /^(['"])(.*)\1$/.exec(text)?.[2] ?? text;
}
