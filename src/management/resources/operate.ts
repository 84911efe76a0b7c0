/**
 * /api/operate: what an operator does with a broker and RabbitMQ's HTTP API has no path for. `leveretctl` uses it; administrators
 * only.
 */
import { isPassword } from '../../auth/passwords.ts';
import { badRequest } from '../api-error.ts';
import { type Answer, type ApiRequest, NO_CONTENT, type Resource } from '../resource.ts';

export const operateResources: readonly Resource[] = [
  {
    path: '/api/operate/authenticate',
    docs: { POST: { text: 'Tries a password, and answers 400 unless it is the user’s.', takes: 'Credentials' } },
    requires: 'administrator',
    POST: authenticate,
  },
];

/** Whether a password is a user's. @throws ApiError 400 when it is not */
function authenticate({ sources, body }: ApiRequest): Answer {
  for (const name of ['username', 'password']) body.require(name);
  const name = body.text('username');
  const user = sources.accounts.user(name);
  const fits = user !== undefined && isPassword(body.text('password'), user.passwordHash, user.hashing);
  if (!fits) throw badRequest(`user '${name}' - invalid credentials`);
  return NO_CONTENT;
}
