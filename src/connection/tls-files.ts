/**
 * From the files of a TLS configuration to what sockets are secured with. All that can be known of a fault is found here, before
 * a client meets it: each is an Error that names the file, its setting, and what to do.
 */
import { constants, createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext, DEFAULT_CIPHERS, type SecureContextOptions, type SecureVersion } from 'node:tls';
import { DEFAULT_TLS_VERSIONS, TLS_VERSIONS, type TlsOptions, type TlsVersion } from '../config/tls-options.ts';

export interface TlsCredentials {
  readonly context: SecureContextOptions;
  /** Whom the certificate is for, and until when; for logs and health checks. */
  readonly subject: string;
  readonly expiresAtMs: number;
}

/** The name of a setting, as a configuration file has it. */
type KeyOf = (name: string) => string;

/**
 * @param settings what the names of the settings begin with
 * @throws Error that says which file or setting is wrong, and what to do
 */
export function readTlsFiles(options: TlsOptions, nowMs: number, settings = 'ssl_options'): TlsCredentials {
  const keyOf: KeyOf = (name) => `${settings}.${name}`;
  checkVerification(options, keyOf);
  const { certFile, keyFile = certFile, caCertFile, password } = options;
  const cert = readPem('the certificate', keyOf('certfile'), certFile);
  const chain = certificatesIn(cert, 'the certificate', keyOf('certfile'), certFile);
  for (const certificate of chain) checkDates(certificate, `${certFile} (${keyOf('certfile')})`, nowMs);
  const key = readPem('the key', keyOf('keyfile'), keyFile);
  checkPair(chain, openKey(key, keyFile, password, keyOf), certFile, keyFile, keyOf);
  const ca = caCertFile === undefined ? undefined : readAuthorities(caCertFile, nowMs, keyOf('cacertfile'));
  const context = { cert, key, ca, passphrase: password, ...protocolOptions(options, keyOf) };
  tryContext(context, certFile, keyOf);
  const [leaf] = chain as [X509Certificate];
  return { context, subject: leaf.subject.replaceAll('\n', ', '), expiresAtMs: leaf.validToDate.getTime() };
}

function checkVerification(options: TlsOptions, keyOf: KeyOf): void {
  const { verify = 'verify_none', failIfNoPeerCert = false, caCertFile } = options;
  if (verify === 'verify_peer' && caCertFile === undefined) {
    throw new Error(`${keyOf('verify')} = verify_peer needs ${keyOf('cacertfile')}: who signs what clients show?`);
  }
  if (verify === 'verify_none' && failIfNoPeerCert) {
    throw new Error(`${keyOf('fail_if_no_peer_cert')} = true needs ${keyOf('verify')} = verify_peer`);
  }
}

const READ_REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'this user may not read it',
  EISDIR: 'it is a directory',
};

function named(what: string, setting: string, path: string): string {
  return `${what} file ${path} (${setting})`;
}

function readPem(what: string, setting: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    throw new Error(`${named(what, setting, path)} cannot be read: ${READ_REASONS[code] ?? message}`, { cause: error });
  }
}

const PEM_CERTIFICATE =
  /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----[^-]+-----END (?:X509 |TRUSTED )?CERTIFICATE-----/g;

function certificatesIn(pem: string, what: string, setting: string, path: string): X509Certificate[] {
  const file = named(what, setting, path);
  const blocks = pem.match(PEM_CERTIFICATE);
  if (blocks === null) throw new Error(`${file} holds no certificate: expected PEM, -----BEGIN CERTIFICATE-----`);
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch (error) {
    throw new Error(`${file} is damaged: ${(error as Error).message}`, { cause: error });
  }
}

function checkDates(certificate: X509Certificate, where: string, nowMs: number): void {
  const whose = `the certificate of "${certificate.subject}" in ${where}`.replaceAll('\n', ', ');
  if (certificate.validToDate.getTime() < nowMs) {
    throw new Error(`${whose} has expired on ${certificate.validToDate.toISOString()}: put a renewed one there`);
  }
  if (certificate.validFromDate.getTime() > nowMs) {
    const from = certificate.validFromDate.toISOString();
    throw new Error(`${whose} is not valid before ${from}: is this machine's clock right?`);
  }
}

function openKey(pem: string, path: string, password: string | undefined, keyOf: KeyOf): KeyObject {
  const file = named('the key', keyOf('keyfile'), path);
  const isEncrypted = /-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(pem);
  if (isEncrypted && password === undefined) throw new Error(`${file} is encrypted: set ${keyOf('password')}`);
  try {
    return createPrivateKey({ key: pem, passphrase: password });
  } catch (error) {
    if (isEncrypted) throw new Error(`${keyOf('password')} does not open ${file}`, { cause: error });
    throw new Error(`${file} holds no private key in PEM: ${(error as Error).message}`, { cause: error });
  }
}

function checkPair(
  chain: readonly X509Certificate[],
  key: KeyObject,
  certFile: string,
  keyFile: string,
  keyOf: KeyOf,
): void {
  if (chain[0]!.checkPrivateKey(key)) return;
  const files = `${named('the key', keyOf('keyfile'), keyFile)} does not belong to the first certificate in ${certFile}`;
  const fits = chain.some((certificate) => certificate.checkPrivateKey(key));
  const advice = fits ? "the server's own certificate must come first" : 'put a pair there that belongs together';
  throw new Error(`${files} (${keyOf('certfile')}): ${advice}`);
}

/** Bundles often hold some that have expired, which does no harm. */
function readAuthorities(path: string, nowMs: number, setting: string): string {
  const pem = readPem('the authorities', setting, path);
  const authorities = certificatesIn(pem, 'the authorities', setting, path);
  if (authorities.every(({ validToDate }) => validToDate.getTime() < nowMs)) {
    throw new Error(`${named('the authorities', setting, path)} holds only certificates that have expired`);
  }
  return pem;
}

const VERSION_NAMES: Readonly<Record<TlsVersion, SecureVersion>> = {
  'tlsv1.3': 'TLSv1.3',
  'tlsv1.2': 'TLSv1.2',
  'tlsv1.1': 'TLSv1.1',
  tlsv1: 'TLSv1',
};
const WITHOUT_VERSION: Readonly<Record<TlsVersion, number>> = {
  'tlsv1.3': constants.SSL_OP_NO_TLSv1_3,
  'tlsv1.2': constants.SSL_OP_NO_TLSv1_2,
  'tlsv1.1': constants.SSL_OP_NO_TLSv1_1,
  tlsv1: constants.SSL_OP_NO_TLSv1,
};

function protocolOptions(options: TlsOptions, keyOf: KeyOf): SecureContextOptions {
  const { versions = DEFAULT_TLS_VERSIONS, ciphers, verify, honorCipherOrder = true } = options;
  const used = TLS_VERSIONS.filter((version) => versions.includes(version));
  if (used.length === 0) throw new Error(`${keyOf('versions')}: expected one of ${TLS_VERSIONS.join(', ')}`);
  let secureOptions = constants.SSL_OP_NO_RENEGOTIATION;
  for (const version of TLS_VERSIONS) if (!used.includes(version)) secureOptions |= WITHOUT_VERSION[version];
  // A session that is resumed is not verified again: whoever proves who it is by its certificate does so on every connection.
  if (verify === 'verify_peer') secureOptions |= constants.SSL_OP_NO_TICKET;
  if (honorCipherOrder) secureOptions |= constants.SSL_OP_CIPHER_SERVER_PREFERENCE;
  return {
    minVersion: VERSION_NAMES[used.at(-1)!],
    maxVersion: VERSION_NAMES[used[0]!],
    secureOptions,
    honorCipherOrder,
    ciphers: cipherList(ciphers, used),
  };
}

/** The signatures of TLS 1.0 and 1.1 are below what OpenSSL takes unless told. */
function cipherList(ciphers: readonly string[] | undefined, versions: readonly TlsVersion[]): string | undefined {
  const isOld = versions.includes('tlsv1') || versions.includes('tlsv1.1');
  const list = ciphers?.join(':');
  return isOld ? `${list ?? DEFAULT_CIPHERS}:@SECLEVEL=0` : list;
}

/** What only OpenSSL knows, such as a key that is too short for today. */
function tryContext(context: SecureContextOptions, certFile: string, keyOf: KeyOf): void {
  try {
    createSecureContext(context);
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    const isCipher = code === 'ERR_SSL_NO_CIPHER_MATCH' || /cipher/i.test(message);
    const what = isCipher ? keyOf('ciphers') : named('the certificate', keyOf('certfile'), certFile);
    throw new Error(`${what} cannot be used: ${message}`, { cause: error });
  }
}
