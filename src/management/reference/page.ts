/** The reference as a page for people: no script, no file besides. */
import { VERSION } from '../../version.ts';
import { METHODS, type Resource } from '../resource.ts';
import { type Given, QUERY_PARAMETERS } from './doc.ts';
import { pathTemplate, requirementOf } from './openapi.ts';
import type { Schema } from './schema.ts';
import { SCHEMAS, type SchemaName } from './schemas.ts';

const STYLE = `
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; color: #222; background: #fff }
table { border-collapse: collapse; width: 100%; margin: 0 0 1.5rem }
td, th { text-align: left; vertical-align: top; padding: .25rem .75rem .25rem 0; border-top: 1px solid #ddd }
code { font: 13px ui-monospace, monospace }
td:first-child { white-space: nowrap }
@media (prefers-color-scheme: dark) { body { color: #ddd; background: #1b1b1b } td, th { border-color: #444 } a { color: #8ab4f8 } }`;

export function referencePage(resources: readonly Resource[]): string {
  const objects = Object.entries(SCHEMAS) as [SchemaName, Schema][];
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Leveret HTTP API</title><style>${STYLE}</style></head><body>
<h1>Leveret HTTP API</h1>
<p>Version ${VERSION}. The same for programs: <a href="openapi.json">openapi.json</a> (OpenAPI 3.1).</p>
<p>Callers authenticate with HTTP basic authentication. Bodies are JSON. Names in paths are percent-encoded: the vhost
<code>/</code> is <code>%2F</code>. What is asked of a caller is a tag of its user, or one that includes it.</p>
<h2>Paths</h2>
<table><tr><th>method</th><th>path</th><th>what it does</th><th>takes</th><th>gives</th><th>tag</th></tr>
${resources.flatMap(rows).join('\n')}
</table>
<h2>Queries</h2>
<p>Lists know <code>columns</code>, <code>sort</code> and <code>sort_reverse</code>; those with pages, what is about pages, too.</p>
<table>${Object.entries(QUERY_PARAMETERS)
    .map(([name, text]) => row([code(name), inline(text)]))
    .join('\n')}</table>
<h2>Objects</h2>
${objects.map(([name, schema]) => objectPart(name, schema)).join('\n')}
</body></html>
`;
}

function rows(resource: Resource): string[] {
  const methods = METHODS.filter((method) => resource[method] !== undefined);
  return methods.map((method) => {
    const { text, takes, gives } = resource.docs[method] ?? { text: '' };
    const requires = requirementOf(resource, method);
    const path = code(pathTemplate(resource.path));
    const taken = takes === undefined ? '' : link(takes);
    return row([code(method), path, inline(text), taken, givenText(gives), requires === 'nobody' ? '' : requires]);
  });
}

function givenText(gives: Given | undefined): string {
  if (gives === undefined) return '';
  return gives.as === 'one' ? link(gives.schema) : `list of ${link(gives.schema)}`;
}

function objectPart(name: SchemaName, schema: Schema): string {
  const { description = '', properties = {}, required = [] } = schema;
  const fields = Object.entries(properties as Record<string, Schema>).map(([field, of]) => {
    const mayLack = (required as string[]).includes(field) ? '' : 'may be left out';
    return row([code(field), typeText(of), mayLack, inline(String(of.description ?? ''))]);
  });
  const table = fields.length === 0 ? '' : `<table>${fields.join('\n')}</table>`;
  return `<h3 id="${name}">${name}</h3>${description === '' ? '' : `<p>${inline(String(description))}</p>`}${table}`;
}

function typeText({ $ref, type, items, enum: words }: Schema): string {
  if (typeof $ref === 'string') return link($ref.slice($ref.lastIndexOf('/') + 1));
  if (Array.isArray(words)) return words.map((word) => code(String(word))).join(', ');
  if (type === 'array') return `list of ${typeText(items as Schema)}`;
  if (Array.isArray(type)) return type.join(' or ');
  return typeof type === 'string' ? type : 'anything';
}

function row(cells: readonly string[]): string {
  return `<tr>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`;
}

function link(name: string): string {
  return `<a href="#${name}">${name}</a>`;
}

function code(text: string): string {
  return `<code>${escaped(text)}</code>`;
}

/** Text with code between backticks. */
function inline(text: string): string {
  return escaped(text).replace(/`([^`]*)`/g, '<code>$1</code>');
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
