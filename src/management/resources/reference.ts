/** /api/ and /api/openapi.json: what all the others are, for people and for programs. Open to all: nothing of the broker is in it. */
import { one } from '../reference/doc.ts';
import { type Answer, type ApiRequest, ok, type Resource } from '../resource.ts';

/** Loaded when somebody reads it. @param resources not all of them are known when this is called */
export function referenceResources(resources: () => readonly Resource[]): readonly Resource[] {
  return [
    {
      path: '/api/openapi.json',
      docs: { GET: { text: 'This reference as an OpenAPI 3.1 document.', gives: one('Reference') } },
      requires: 'nobody',
      GET: (request) => showDocument(request, resources()),
    },
    ...['/api', '/api/index.html'].map((path): Resource => {
      return {
        path,
        docs: { GET: { text: 'This reference as a page for people.' } },
        requires: 'nobody',
        isPage: true,
        GET: () => showPage(resources()),
      };
    }),
  ];
}

async function showDocument({ sources }: ApiRequest, resources: readonly Resource[]): Promise<Answer> {
  const { openApiDocument } = await import('../reference/openapi.ts');
  return ok(openApiDocument(resources, sources.pathPrefix));
}

async function showPage(resources: readonly Resource[]): Promise<Answer> {
  const { referencePage } = await import('../reference/page.ts');
  return { status: 200, html: referencePage(resources) };
}
