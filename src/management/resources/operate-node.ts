/** /api/operate: the life of the node, and its limits. Most of it answers while the application is stopped. */
import type { ResourceLimit } from '../../config/alarm-options.ts';
import { ApiError, badRequest } from '../api-error.ts';
import { one } from '../reference/doc.ts';
import { type Answer, type ApiRequest, NO_CONTENT, ok, type Resource } from '../resource.ts';
import type { NodeControl } from '../sources.ts';
import { nodeStatusView } from '../views/node.ts';

export const operateNodeResources: readonly Resource[] = [
  {
    path: '/api/operate/status',
    docs: {
      GET: { text: 'The node and all that it uses, whether its application runs or not.', gives: one('NodeStatus') },
    },
    requires: 'administrator',
    whileStopped: true,
    GET: ({ sources }) => ok(nodeStatusView(sources)),
  },
  {
    path: '/api/operate/environment',
    docs: { GET: { text: 'The settings in force, and the files that they come from.', gives: one('NodeSettings') } },
    requires: 'administrator',
    whileStopped: true,
    GET: ({ sources }) => ok(sources.configuration),
  },
  whileStopped(
    'app/stop',
    'Closes all connections and listeners, and makes everything durable; the node stays.',
    (node) => node.stopApp(),
  ),
  whileStopped('app/start', 'Starts what `app/stop` stopped.', (node) => node.startApp()),
  whileStopped(
    'app/reset',
    'Forgets all messages and definitions; refused while the application runs.',
    async (node) => {
      if (!(await node.reset())) throw badRequest('running');
    },
  ),
  whileStopped('shutdown', 'Stops the broker, and the process that it is. Answered before it is done.', (node) => {
    // Whoever asked is answered first.
    setImmediate(() => node.shutDown());
  }),
  change('listeners/suspend', 'Accepts no more clients; those that are connected stay.', (node) =>
    node.suspendListeners(),
  ),
  change('listeners/resume', 'Accepts clients again.', (node) => node.resumeListeners()),
  change('maintenance/drain', 'Accepts no more clients, and closes the connections of those that there are.', (node) =>
    node.drain(),
  ),
  change('maintenance/revive', 'Ends the maintenance: clients are accepted again.', (node) => node.revive()),
  limit('memory-high-watermark', 'How much memory stops publishers, until the broker stops.', (node, to) =>
    node.setMemoryHighWatermark(to),
  ),
  limit('disk-free-limit', 'How little free disk stops publishers, until the broker stops.', (node, to) =>
    node.setDiskFreeLimit(to),
  ),
];

type Work = (node: NodeControl) => void | Promise<void>;

function change(path: string, text: string, work: Work): Resource {
  return {
    path: `/api/operate/${path}`,
    docs: { POST: { text, takes: 'Nothing' } },
    requires: 'administrator',
    POST: ({ sources }) => done(() => work(sources.node)),
  };
}

function whileStopped(path: string, text: string, work: Work): Resource {
  return { ...change(path, text, work), whileStopped: true };
}

function limit(
  path: string,
  text: string,
  work: (node: NodeControl, to: ResourceLimit) => void | Promise<void>,
): Resource {
  return {
    path: `/api/operate/${path}`,
    docs: { PUT: { text, takes: 'NewLimit' } },
    requires: 'administrator',
    PUT: (request) => done(() => work(request.sources.node, limitIn(request))),
  };
}

/** @throws ApiError 400 with what is in the way */
async function done(work: () => void | Promise<void>): Promise<Answer> {
  try {
    await work();
  } catch (error) {
    // A port that somebody else has, a limit that is none: for whoever asked to put right.
    throw error instanceof Error && !(error instanceof ApiError) ? badRequest(error.message) : error;
  }
  return NO_CONTENT;
}

function limitIn({ body }: ApiRequest): ResourceLimit {
  const [kind, ...more] = ['absolute', 'relative'].filter((name) => body.has(name));
  const value = kind === undefined ? undefined : body.value(kind);
  if (typeof value !== 'number' || more.length > 0) throw badRequest('expected absolute or relative, with a number');
  return kind === 'absolute' ? { absolute: value } : { relative: value };
}
