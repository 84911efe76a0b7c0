/** /api/auth and /api/login: how callers authenticate, and how often somebody has tried to. */
import type { AttemptCounts, AuthAttempts, LoginProtocol, SourceCounts } from '../../metrics/auth-attempts.ts';
import { objectNotFound } from '../api-error.ts';
import { Caller, logIn } from '../caller.ts';
import type { JsonView } from '../listing.ts';
import { listOf, one } from '../reference/doc.ts';
import { type Answer, type ApiRequest, listed, NO_CONTENT, ok, type Resource } from '../resource.ts';

const PROTOCOLS: readonly LoginProtocol[] = ['http', 'amqp091'];

export const loginResources: readonly Resource[] = [
  {
    path: '/api/auth',
    docs: { GET: { text: 'How callers authenticate.', gives: one('LoginOptions') } },
    requires: 'nobody',
    GET: () => ok({ enable_uaa: false, uaa_client_id: '', uaa_location: '' }),
  },
  {
    path: '/api/login',
    docs: {
      POST: {
        text: 'Whether a name and password are those of somebody who may use the API.',
        takes: 'LoginForm',
        gives: one('LoggedIn'),
      },
    },
    requires: 'nobody',
    takesForm: true,
    POST: login,
  },
  {
    path: '/api/auth/attempts/:node',
    docs: {
      GET: { text: 'How often somebody tried to log in, by protocol.', gives: listOf('Attempts') },
      DELETE: { text: 'Counts from 0 again.' },
    },
    requires: 'monitoring',
    GET: list,
    DELETE: reset,
  },
  {
    path: '/api/auth/attempts/:node/source',
    docs: {
      GET: { text: 'The same by name and address; the last 1000 of them.', gives: listOf('AttemptsOfSource') },
      DELETE: { text: 'Counts from 0 again.' },
    },
    requires: 'monitoring',
    GET: (request) => listed(request, attemptsOn(request).sources(), sourceView),
    DELETE: reset,
  },
];

/** Whether a name and password of a form are those of somebody who may use the API; no cookie is set, the password would be in it. */
function login({ sources, body, peer }: ApiRequest): Answer {
  const credentials = { name: Buffer.from(body.text('username')), password: Buffer.from(body.text('password')) };
  const identity = logIn(credentials, peer, sources.context);
  new Caller(identity, sources.accounts).mustBe('management');
  return ok('ok');
}

/** @throws ApiError 404 for another node than this one */
function attemptsOn({ sources, param }: ApiRequest): AuthAttempts {
  if (param('node') !== sources.nodeName) throw objectNotFound();
  return sources.context.authAttempts;
}

/** By protocol: those over which nobody has tried are not shown. */
function list(request: ApiRequest): Promise<Answer> {
  const attempts = attemptsOn(request);
  const tried = PROTOCOLS.filter((protocol) => attempts[protocol].succeeded + attempts[protocol].failed > 0);
  return listed(request, tried, (protocol) => countsView(protocol, attempts[protocol]));
}

/** Both lists are one memory, as in RabbitMQ. */
function reset(request: ApiRequest): Answer {
  attemptsOn(request).reset();
  return NO_CONTENT;
}

function countsView(protocol: LoginProtocol, { succeeded, failed }: AttemptCounts): JsonView {
  return {
    protocol,
    auth_attempts: succeeded + failed,
    auth_attempts_failed: failed,
    auth_attempts_succeeded: succeeded,
  };
}

function sourceView({ protocol, address, user, ...counts }: SourceCounts): JsonView {
  return { remote_address: address, username: user, ...countsView(protocol, counts) };
}
