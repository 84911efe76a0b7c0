/**
 * SASL EXTERNAL: TLS has proven who the client is. The certificate that it has shown, and that was verified, holds the name of
 * a user; there is no password. What the response says does not matter.
 *
 * Offered to those who can use it. RabbitMQ offers it on every connection with TLS, and refuses later, with the same words.
 */
import { type CertificateLogin, DEFAULT_CERTIFICATE_LOGIN } from '../config/login-options.ts';
import { commandInvalid } from '../protocol/errors.ts';
import type { TlsPeer } from './access.ts';
import { alternativeNames, certificateNames, commonNames } from './certificate-names.ts';
import type { Claim, Refusal, SaslMechanism } from './sasl.ts';

/** The mechanism for one way of reading certificates. */
export function external(login: CertificateLogin = DEFAULT_CERTIFICATE_LOGIN): SaslMechanism {
  return {
    name: 'EXTERNAL',
    isOffered: (tls) => tls !== null && tls.certificate !== null,
    read: (_response, tls = null) => readClaim(login, tls),
  };
}

function readClaim(login: CertificateLogin, tls: TlsPeer | null): Claim | Refusal {
  if (tls === null) throw commandInvalid("invalid authentication mechanism 'EXTERNAL'");
  if (tls.certificate === null) return { refusal: 'connection peer presented no TLS (x.509) certificate' };
  try {
    const username = userNameOf(tls.certificate.der, login);
    return username === undefined ? { refusal: 'no name found' } : { username, password: null };
  } catch (error) {
    return { refusal: `the certificate cannot be read: ${(error as Error).message}` };
  }
}

/** @param certificate DER. @returns undefined when it holds no such name. @throws Error when it cannot be read */
export function userNameOf(certificate: Buffer, login: CertificateLogin): string | undefined {
  switch (login.from) {
    case 'distinguished_name':
      return certificateNames(certificate).subject;
    case 'common_name': {
      const names = commonNames(certificate);
      // More than one is unusual; RabbitMQ writes a comma between.
      return names.length === 0 ? undefined : names.join(',');
    }
    case 'subject_alternative_name':
      return alternativeNames(certificate, login.alternativeNameType)[login.alternativeNameIndex];
  }
}
