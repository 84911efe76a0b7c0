/** The list of paths in docs/http-api.md, out of what the resources of the HTTP API say of themselves. */
import { pathTemplate, requirementOf } from '../src/management/reference/openapi.ts';
import { METHODS, type Resource } from '../src/management/resource.ts';
import { ALL_RESOURCES } from '../src/management/resources/all.ts';

/** A Markdown table, one method of a path a row. */
export function routeTable(): string {
  const head = ['path', 'method', 'what it does', 'tag'];
  return [head, head.map(() => '---'), ...ALL_RESOURCES.flatMap(rows)]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');
}

function rows(resource: Resource): string[][] {
  const methods = METHODS.filter((method) => resource[method] !== undefined);
  return methods.map((method, index) => {
    const path = index === 0 ? `\`${pathTemplate(resource.path)}\`` : '';
    const requires = requirementOf(resource, method);
    return [path, method, resource.docs[method]?.text ?? '', requires === 'nobody' ? '' : requires];
  });
}
