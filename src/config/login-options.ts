/** How clients may log in: RabbitMQ's `auth_mechanisms` and `ssl_cert_login_from`. */
export const AUTH_MECHANISMS = ['EXTERNAL', 'AMQPLAIN', 'PLAIN'] as const;
export type AuthMechanism = (typeof AUTH_MECHANISMS)[number];

/** As in RabbitMQ: a certificate is no login unless somebody has said so. */
export const DEFAULT_AUTH_MECHANISMS: readonly AuthMechanism[] = ['AMQPLAIN', 'PLAIN'];

/** Kinds of alternative names in certificates. */
export const ALTERNATIVE_NAME_TYPES = ['dns', 'ip', 'email', 'uri', 'other_name'] as const;
export type AlternativeNameType = (typeof ALTERNATIVE_NAME_TYPES)[number];

export const CERTIFICATE_LOGINS = ['distinguished_name', 'common_name', 'subject_alternative_name'] as const;

/** Which part of a certificate is the name of the user. */
export interface CertificateLogin {
  readonly from: (typeof CERTIFICATE_LOGINS)[number];
  /** For `subject_alternative_name`: of which type, and which of them, from 0. */
  readonly alternativeNameType: AlternativeNameType;
  readonly alternativeNameIndex: number;
}

export const DEFAULT_CERTIFICATE_LOGIN: CertificateLogin = {
  from: 'distinguished_name',
  alternativeNameType: 'dns',
  alternativeNameIndex: 0,
};
