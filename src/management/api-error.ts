/** What the HTTP API answers instead of what was asked for: a status, and RabbitMQ's two fields. */

export class ApiError extends Error {
  readonly status: 400 | 401 | 403 | 404 | 405 | 406 | 413 | 500 | 503;
  /** The field `error`; where it is undefined the answer has no body. */
  readonly error: string | undefined;
  /** The field `reason`: a text, or a term that RabbitMQ writes as a list. */
  readonly reason: string | readonly unknown[];

  constructor(status: ApiError['status'], error?: string, reason: string | readonly unknown[] = '') {
    super(`${status} ${error}: ${reason}`);
    this.name = 'ApiError';
    this.status = status;
    this.error = error;
    this.reason = reason;
  }
}

/** 404: there is no such thing, or no such path. */
export function objectNotFound(): ApiError {
  return new ApiError(404, 'Object Not Found', 'Not Found');
}

/** 404 for RabbitMQ's own command, which it serves itself. */
export function notOurs(): ApiError {
  const reason = 'rabbitmqadmin is a part of RabbitMQ: get it there, it works here as it is; or use leveretctl';
  return new ApiError(404, 'Object Not Found', reason);
}

/** 404 for what a change refers to. */
export function referenceNotFound(reason: string): ApiError {
  return new ApiError(404, 'not_found', reason);
}

/** 400. */
export function badRequest(reason: string | readonly unknown[]): ApiError {
  return new ApiError(400, 'bad_request', reason);
}

/** 401 for a user who is known and may not do this. */
export function notAuthorised(reason: string): ApiError {
  return new ApiError(401, 'not_authorised', reason);
}

/** 403 for a browser that acts for a page which may not. */
export function foreignPage(): ApiError {
  return new ApiError(403, 'forbidden', 'This page may not change anything here: see management.cors.allow_origins');
}

/** 401 for a name and password that do not fit; the answer asks for others. */
export function loginFailed(): ApiError {
  return new ApiError(401, 'not_authorized', 'Login failed');
}

/** 503 for what needs the application, while an operator has stopped it. */
export function appStopped(): ApiError {
  return new ApiError(503, 'stopped', 'the application is stopped on this node: leveretctl start_app starts it');
}
