/** The SASL mechanisms that there are, and those that a broker is told to offer: RabbitMQ's `auth_mechanisms`. */
import { type CertificateLogin, DEFAULT_CERTIFICATE_LOGIN, external } from './external.ts';
import { AMQPLAIN, PLAIN, type SaslMechanism, SaslMechanisms } from './sasl.ts';

/** In the order in which they are offered. */
export const AUTH_MECHANISMS = ['EXTERNAL', 'AMQPLAIN', 'PLAIN'] as const;
export type AuthMechanism = (typeof AUTH_MECHANISMS)[number];

/** As in RabbitMQ: a certificate is no login unless somebody has said so. */
export const DEFAULT_AUTH_MECHANISMS: readonly AuthMechanism[] = ['AMQPLAIN', 'PLAIN'];

export function mechanismsNamed(
  names: readonly AuthMechanism[] = DEFAULT_AUTH_MECHANISMS,
  login: Partial<CertificateLogin> = {},
): SaslMechanisms {
  const all: Readonly<Record<AuthMechanism, SaslMechanism>> = {
    EXTERNAL: external({ ...DEFAULT_CERTIFICATE_LOGIN, ...login }),
    AMQPLAIN,
    PLAIN,
  };
  return new SaslMechanisms(AUTH_MECHANISMS.filter((name) => names.includes(name)).map((name) => all[name]));
}
