import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import {
  type Authority,
  type Certificate,
  CertificateDirectory,
  openssl,
} from '../../test/integration/certificates.ts';
import type { TlsOptions } from '../config/tls-options.ts';
import { readTlsFiles } from './tls-files.ts';

const directory = new CertificateDirectory();
after(() => directory.remove());

let ca: Authority;
let server: Certificate;
before(() => {
  ca = directory.authority('ca');
  server = ca.issue('server');
});

function read(options: Partial<TlsOptions> = {}, nowMs = Date.now()) {
  return readTlsFiles({ ...server, ...options }, nowMs);
}

/** A file of these files, one behind the other. */
function joined(name: string, ...files: string[]): string {
  const path = directory.file(name);
  writeFileSync(path, '');
  for (const file of files) appendFileSync(path, readFileSync(file));
  return path;
}

describe('files that fit together', () => {
  test('are read, with whom the certificate is for and until when', () => {
    const { context, subject, expiresAtMs } = read({ caCertFile: ca.certFile, verify: 'verify_peer' });
    assert.equal(subject, 'CN=server');
    assert.ok(expiresAtMs > Date.now() + 29 * 86_400_000);
    assert.equal(context.ca, readFileSync(ca.certFile, 'utf8'));
    assert.deepEqual([context.minVersion, context.maxVersion], ['TLSv1.2', 'TLSv1.3']);
  });

  test('may be one file', () => {
    const certFile = joined('both.pem', server.certFile, server.keyFile);
    assert.equal(readTlsFiles({ certFile }, Date.now()).subject, 'CN=server');
  });

  test('may have a key that a password opens', () => {
    const password = 'open sesame';
    assert.equal(read({ ...ca.issue('locked', { password }), password }).subject, 'CN=locked');
  });

  test('may have authorities that have expired, as bundles do, beside one that has not', () => {
    const caCertFile = joined('bundle.pem', ca.issue('old', { days: -1 }).certFile, ca.certFile);
    assert.ok(read({ caCertFile }));
  });
});

describe('a fault stops the start and says which file it is, and what to do', () => {
  const refused = (options: Partial<TlsOptions>, message: RegExp) => assert.throws(() => read(options), { message });

  test('a file that is not there', () => {
    const missing = directory.file('none.pem');
    for (const [option, setting, what] of [
      ['certFile', 'certfile', 'the certificate'],
      ['keyFile', 'keyfile', 'the key'],
      ['caCertFile', 'cacertfile', 'the authorities'],
    ] as const) {
      const start = `^${what} file ${missing} \\(ssl_options\\.${setting}\\) cannot be read: there is no such file$`;
      refused({ [option]: missing }, new RegExp(start));
    }
  });

  test('a directory', () => {
    const path = directory.file('directory');
    mkdirSync(path);
    refused({ certFile: path }, /directory \(ssl_options\.certfile\) cannot be read: it is a directory$/);
  });

  test('a file that holds something else', () => {
    refused({ certFile: server.keyFile }, /holds no certificate: expected PEM, -----BEGIN CERTIFICATE-----$/);
    refused({ keyFile: server.certFile }, /server\.pem \(ssl_options\.keyfile\) holds no private key in PEM: /);
    refused({ caCertFile: server.keyFile }, /server\.key \(ssl_options\.cacertfile\) holds no certificate: /);
  });

  test('a certificate that is damaged', () => {
    const certFile = directory.file('damaged.pem');
    writeFileSync(certFile, readFileSync(server.certFile, 'utf8').replace(/\n.{20}/, '\nAAAAAAAAAAAAAAAAAAAA'));
    refused({ certFile }, /damaged\.pem \(ssl_options\.certfile\) is damaged: /);
  });

  test('a certificate that has expired, also one further up', () => {
    const expired = ca.issue('expired', { days: -1 });
    const message = /^the certificate of "CN=expired" in .*\(ssl_options\.certfile\) has expired on 2.*: put a renewed/;
    refused(expired, message);
    refused({ certFile: joined('chain.pem', server.certFile, expired.certFile) }, message);
  });

  test('a certificate that is not valid yet, which often is a clock that is wrong', () => {
    const message = /is not valid before 20.*: is this machine's clock right\?$/;
    assert.throws(() => read({}, Date.UTC(2020, 0)), { message });
  });

  test('authorities all of which have expired', () => {
    refused({ caCertFile: ca.issue('gone', { days: -1 }).certFile }, /holds only certificates that have expired$/);
  });

  test('a key of another certificate', () => {
    const message = /server\.pem \(ssl_options\.certfile\): put a pair there that belongs together$/;
    refused({ keyFile: ca.issue('other').keyFile }, message);
  });

  test('certificates in the wrong order', () => {
    const message = /does not belong to the first certificate in .*: the server's own certificate must come first$/;
    refused({ certFile: joined('reversed.pem', ca.certFile, server.certFile) }, message);
  });

  test('an encrypted key without a password, or with a wrong one', () => {
    const locked = ca.issue('sealed', { password: 'right' });
    refused(locked, /^the key file .*sealed\.key \(ssl_options\.keyfile\) is encrypted: set ssl_options\.password$/);
    refused({ ...locked, password: 'wrong' }, /^ssl_options\.password does not open the key file .*sealed\.key /);
  });

  test('a key that OpenSSL finds too short', () => {
    const short = { certFile: directory.file('short.pem'), keyFile: directory.file('short.key') };
    const files = ['-keyout', short.keyFile, '-out', short.certFile];
    openssl('req', '-x509', '-newkey', 'rsa:512', '-nodes', '-subj', '/CN=short', ...files);
    refused(short, /^the certificate file .*short\.pem \(ssl_options\.certfile\) cannot be used: .*too small/);
  });

  test('verification without an authority, and asking for certificates without verification', () => {
    refused({ verify: 'verify_peer' }, /^ssl_options\.verify = verify_peer needs ssl_options\.cacertfile/);
    const options = { failIfNoPeerCert: true, caCertFile: ca.certFile };
    refused(options, /^ssl_options\.fail_if_no_peer_cert = true needs ssl_options\.verify = verify_peer$/);
  });

  test('ciphers that there are not, and no version', () => {
    refused({ ciphers: ['NO-SUCH-CIPHER'] }, /^ssl_options\.ciphers cannot be used: /);
    refused({ versions: [] }, /^ssl_options\.versions: expected one of tlsv1\.3, tlsv1\.2, tlsv1\.1, tlsv1$/);
  });
});
