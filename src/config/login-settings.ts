/** Settings of who may log in, and of what an empty broker is given. */
import { ALTERNATIVE_NAME_TYPES, AUTH_MECHANISMS, CERTIFICATE_LOGINS, type CertificateLogin } from './login-options.ts';
import { listed, named, setting } from './setting.ts';
import { COUNT, choice, NAME, PATTERN, type SettingType, TEXT } from './setting-types.ts';

/** RabbitMQ has two words for the last of them. */
const CERTIFICATE_LOGIN: SettingType<CertificateLogin['from']> = {
  ...choice(CERTIFICATE_LOGINS),
  read: (text) => choice(CERTIFICATE_LOGINS).read(text.replace(/^subject_alt_name$/, 'subject_alternative_name')),
};

export const LOGIN_SETTINGS = {
  authMechanisms: named({
    key: 'auth_mechanisms.$name',
    classic: 'rabbit.auth_mechanisms.$name',
    type: choice(AUTH_MECHANISMS),
    text: 'SASL mechanisms that clients are offered: EXTERNAL, AMQPLAIN, PLAIN; the last two when none is set.',
  }),
  certificateLoginFrom: setting({
    key: 'ssl_cert_login_from',
    classic: 'rabbit.ssl_cert_login_from',
    type: CERTIFICATE_LOGIN,
    default: 'distinguished_name',
    text: 'Where a client’s certificate has the name of its user, for EXTERNAL.',
  }),
  certificateNameType: setting({
    key: 'ssl_cert_login_san_type',
    classic: 'rabbit.ssl_cert_login_san_type',
    type: choice(ALTERNATIVE_NAME_TYPES),
    default: 'dns',
    text: `Of the alternative names, those of this type: ${ALTERNATIVE_NAME_TYPES.join(', ')}.`,
  }),
  certificateNameIndex: setting({
    key: 'ssl_cert_login_san_index',
    classic: 'rabbit.ssl_cert_login_san_index',
    type: COUNT,
    default: 0,
    text: 'And of these, which one, from 0.',
  }),
  loopbackUsers: listed({
    key: 'loopback_users.$name',
    classic: 'rabbit.loopback_users.$name',
    type: NAME,
    default: 'guest',
    mayBeNone: true,
    text: 'Users that may log in from this machine only: true or false.',
  }),
  defaultUser: setting({
    key: 'default_user',
    classic: 'rabbit.default_user',
    type: TEXT,
    default: 'guest',
    text: 'The user that an empty broker is given.',
  }),
  defaultPassword: setting({
    key: 'default_pass',
    classic: 'rabbit.default_pass',
    type: TEXT,
    default: 'guest',
    secret: true,
    text: 'Its password.',
  }),
  defaultUserTags: listed({
    key: 'default_user_tags.$name',
    classic: 'rabbit.default_user_tags.$name',
    type: NAME,
    default: 'administrator',
    mayBeNone: true,
    text: 'Its tags: true or false.',
  }),
  defaultVhost: setting({
    key: 'default_vhost',
    classic: 'rabbit.default_vhost',
    type: TEXT,
    default: '/',
    text: 'The vhost that an empty broker is given.',
  }),
  defaultConfigure: setting({
    key: 'default_permissions.configure',
    classic: 'rabbit.default_permissions.1',
    type: PATTERN,
    default: '.*',
    text: 'What the user may configure there: a regular expression over names.',
  }),
  defaultWrite: setting({
    key: 'default_permissions.write',
    classic: 'rabbit.default_permissions.2',
    type: PATTERN,
    default: '.*',
    text: 'What it may write.',
  }),
  defaultRead: setting({
    key: 'default_permissions.read',
    classic: 'rabbit.default_permissions.3',
    type: PATTERN,
    default: '.*',
    text: 'What it may read.',
  }),
} as const;
