/**
 * Certificate authorities and certificates for tests, made with the openssl command when they are needed, in a directory that
 * goes with the test. Keys are on P-256, which takes some milliseconds each.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Certificate {
  readonly certFile: string;
  readonly keyFile: string;
}

export interface CertificateOptions {
  /** As `openssl req -subj` takes it. Default: the name as the common name. */
  readonly subject?: string;
  /** As the extension is written: `DNS:a,IP:127.0.0.1`. */
  readonly alternativeNames?: string;
  /** Until when it holds; below zero, it has expired. Default 30. */
  readonly days?: number;
  /** May sign others. */
  readonly authority?: boolean;
  readonly password?: string;
  /** Passed on to `openssl req`, such as `-utf8`. */
  readonly flags?: readonly string[];
}

const DAYS = 30;

/** A directory for what a test makes. */
export class CertificateDirectory {
  readonly path = mkdtempSync(join(tmpdir(), 'leveret-tls-'));
  #serial = 0;

  /** A path in it. */
  file(name: string): string {
    return join(this.path, name);
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }

  /** An authority that nobody has signed. */
  authority(name: string): Authority {
    const files = this.filesOf(name);
    openssl('req', '-x509', ...NEW_KEY, '-nodes', '-subj', `/CN=${name}`, '-days', `${DAYS}`, ...written(files));
    return new Authority(this, files);
  }

  /** A certificate that its own key has signed, for what only its names matter to. @param keyFile of any other one */
  signedBySelf(name: string, keyFile: string, { subject, alternativeNames, flags = [] }: CertificateOptions): string {
    const { certFile } = this.filesOf(name);
    const extensions = alternativeNames === undefined ? [] : ['-addext', `subjectAltName=${alternativeNames}`];
    const named = ['-subj', subject ?? `/CN=${name}`, ...extensions, ...flags];
    openssl('req', '-x509', '-key', keyFile, ...named, '-days', `${DAYS}`, '-out', certFile);
    return certFile;
  }

  filesOf(name: string): Certificate {
    return { certFile: this.file(`${name}.pem`), keyFile: this.file(`${name}.key`) };
  }

  nextSerial(): number {
    this.#serial++;
    return this.#serial;
  }
}

export class Authority implements Certificate {
  readonly certFile: string;
  readonly keyFile: string;
  readonly #directory: CertificateDirectory;

  constructor(directory: CertificateDirectory, { certFile, keyFile }: Certificate) {
    this.#directory = directory;
    this.certFile = certFile;
    this.keyFile = keyFile;
  }

  /** Makes a key and signs a certificate for it; the files are called after `name`. */
  issue(name: string, options: CertificateOptions = {}): Certificate {
    const files = this.#directory.filesOf(name);
    const request = this.#directory.file(`${name}.csr`);
    const { subject = `/CN=${name}`, password, flags = [] } = options;
    const encryption = password === undefined ? ['-nodes'] : ['-passout', `pass:${password}`];
    openssl(
      'req',
      '-new',
      ...NEW_KEY,
      ...encryption,
      '-subj',
      subject,
      ...flags,
      '-keyout',
      files.keyFile,
      '-out',
      request,
    );
    this.#sign(request, files.certFile, options);
    return files;
  }

  /** One that may sign others. */
  intermediate(name: string): Authority {
    return new Authority(this.#directory, this.issue(name, { authority: true }));
  }

  #sign(
    request: string,
    certFile: string,
    { alternativeNames, days = DAYS, authority = false }: CertificateOptions,
  ): void {
    const extensions = `${certFile}.ext`;
    const lines = [`basicConstraints = critical, CA:${authority ? 'TRUE' : 'FALSE'}`];
    if (alternativeNames !== undefined) lines.push(`subjectAltName = ${alternativeNames}`);
    writeFileSync(extensions, `${lines.join('\n')}\n`);
    const signer = ['-CA', this.certFile, '-CAkey', this.keyFile, '-set_serial', `${this.#directory.nextSerial()}`];
    openssl('x509', '-req', '-in', request, ...signer, '-days', `${days}`, '-extfile', extensions, '-out', certFile);
  }
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];

function written({ certFile, keyFile }: Certificate): string[] {
  return ['-keyout', keyFile, '-out', certFile];
}

/** @throws Error with what openssl says */
export function openssl(...args: string[]): string {
  return execFileSync('openssl', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}
