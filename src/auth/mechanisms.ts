/** The SASL mechanisms that there are, and those that a broker is told to offer: RabbitMQ's `auth_mechanisms`. */
import {
  AUTH_MECHANISMS,
  type AuthMechanism,
  type CertificateLogin,
  DEFAULT_AUTH_MECHANISMS,
  DEFAULT_CERTIFICATE_LOGIN,
} from '../config/login-options.ts';
import { external } from './external.ts';
import { AMQPLAIN, PLAIN, type SaslMechanism, SaslMechanisms } from './sasl.ts';

/** Those of the names, in the order in which AUTH_MECHANISMS has them. */
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
