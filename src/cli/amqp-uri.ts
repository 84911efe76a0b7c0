/** Where a broker is and how to log in, out of one text: `amqp://USER:PASSWORD@HOST:PORT/VHOST`, each part percent-encoded. */

export interface AmqpUri {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly vhost: string;
}

const FORM = 'amqp://USER:PASSWORD@HOST:PORT/VHOST';

/**
 * What is left out is guest, guest, 127.0.0.1, 5672 and `/`. With a slash and nothing behind it the vhost is the one without a
 * name, as in RabbitMQ's URI specification. @throws Error that says what is expected
 */
export function readAmqpUri(text: string): AmqpUri {
  const uri = URL.parse(text);
  if (uri?.protocol === 'amqps:') throw new Error(`expected ${FORM}: TLS is not there yet`);
  if (uri?.protocol !== 'amqp:' || !text.startsWith('amqp://')) throw new Error(`expected ${FORM}`);
  const { hostname, port, username, password, pathname } = uri;
  try {
    return {
      host: decodeURIComponent(hostname).replace(/^\[(.*)\]$/, '$1') || '127.0.0.1',
      port: Number(port || 5672),
      user: decodeURIComponent(username || 'guest'),
      password: decodeURIComponent(password || 'guest'),
      vhost: pathname === '' ? '/' : decodeURIComponent(pathname.slice(1)),
    };
  } catch (error) {
    if (error instanceof URIError) throw new Error(`expected ${FORM}, with % only before two hexadecimal digits`);
    throw error;
  }
}
