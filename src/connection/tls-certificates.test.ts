import assert from 'node:assert/strict';
import { copyFileSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { after, before, describe, type TestContext, test } from 'node:test';
import { eventually } from '../../test/conformance/waiting.ts';
import { type Authority, type Certificate, CertificateDirectory } from '../../test/integration/certificates.ts';
import { createLog } from '../runtime/log.ts';
import { TestClock } from '../runtime/test-clock.ts';
import { WATCH_PERIOD_MS } from '../runtime/watched-files.ts';
import { TlsCertificates } from './tls-certificates.ts';

const directory = new CertificateDirectory();
after(() => directory.remove());

let ca: Authority;
let first: Certificate;
let second: Certificate;
before(() => {
  ca = directory.authority('ca');
  first = ca.issue('first');
  second = ca.issue('second');
});

function place({ certFile, keyFile }: Certificate, where: Certificate): void {
  copyFileSync(certFile, where.certFile);
  copyFileSync(keyFile, where.keyFile);
}

class Watched {
  readonly clock = new TestClock(Date.now());
  readonly logged: string[] = [];
  readonly followed: string[] = [];
  readonly certificates: TlsCertificates;

  constructor(t: TestContext, where: Certificate) {
    const log = createLog('info', (line) => this.logged.push(line));
    this.certificates = new TlsCertificates(where, this.clock, log);
    this.certificates.follow(({ subject }) => this.followed.push(subject));
    t.after(() => this.certificates.close());
  }

  get subject(): string {
    return this.certificates.current.subject;
  }

  /** Lets time pass until what was asked for is so: a look at files takes its own time. */
  async until(what: string, isSo: () => boolean): Promise<void> {
    await eventually(what, async () => {
      this.clock.advance(WATCH_PERIOD_MS);
      return isSo();
    });
  }
}

describe('certificates whose files change', () => {
  test('are used from then on, by everybody who follows', async (t) => {
    const where = directory.filesOf('renewed');
    place(first, where);
    const watched = new Watched(t, where);
    assert.equal(watched.subject, 'CN=first');
    place(second, where);
    await watched.until('the second certificate', () => watched.subject === 'CN=second');
    assert.deepEqual(watched.followed, ['CN=second']);
    assert.match(
      watched.logged[0]!,
      /\[info\] <tls> new connections get the certificate of "CN=second" that holds until/,
    );
  });

  test('are noticed where links lead elsewhere, as secrets that are mounted do', async (t) => {
    for (const certificate of [first, second]) symlinkSync(certificate.certFile, `${certificate.certFile}.link`);
    const certFile = directory.file('link.pem');
    const keyFile = directory.file('link.key');
    symlinkSync(first.certFile, certFile);
    symlinkSync(first.keyFile, keyFile);
    const watched = new Watched(t, { certFile, keyFile });
    symlinkSync(second.keyFile, `${keyFile}.new`);
    renameSync(`${keyFile}.new`, keyFile);
    renameSync(`${second.certFile}.link`, certFile);
    await watched.until('the second certificate', () => watched.subject === 'CN=second');
  });

  test('are left alone until both have been replaced, and nobody is told of what lies between', async (t) => {
    const where = directory.filesOf('half');
    place(first, where);
    const watched = new Watched(t, where);
    copyFileSync(second.certFile, where.certFile);
    watched.clock.advance(WATCH_PERIOD_MS);
    // The looks that were begun before this one are over then.
    await stat(where.certFile);
    copyFileSync(second.keyFile, where.keyFile);
    await watched.until('the second certificate', () => watched.subject === 'CN=second');
    assert.deepEqual(watched.followed, ['CN=second']);
    assert.equal(watched.logged.length, 1);
  });

  test('stay in use while the new ones cannot be used, with a line in the log that says why', async (t) => {
    const where = directory.filesOf('broken');
    place(first, where);
    const watched = new Watched(t, where);
    writeFileSync(where.certFile, 'nonsense');
    await watched.until('a line in the log', () => watched.logged.length > 0);
    assert.match(
      watched.logged[0]!,
      /\[error\] <tls> the certificate files have changed and cannot be used: .*broken\.pem .* holds no certificate.*; the old certificate, which holds until \d{4}-\d\d-\d\d, stays in use/,
    );
    assert.equal(watched.subject, 'CN=first');
    place(second, where);
    await watched.until('the second certificate', () => watched.subject === 'CN=second');
    assert.equal(watched.logged.length, 2);
  });

  test('stay in use while they are not there', async (t) => {
    const where = directory.filesOf('removed');
    place(first, where);
    const watched = new Watched(t, where);
    rmSync(where.keyFile);
    await watched.until('a line in the log', () => watched.logged.length > 0);
    assert.match(
      watched.logged[0]!,
      /removed\.key \(ssl_options\.keyfile\) cannot be read: there is no such file; the old/,
    );
    assert.equal(watched.subject, 'CN=first');
  });

  test('and are the same as before are no change', async (t) => {
    const where = directory.filesOf('touched');
    place(first, where);
    const watched = new Watched(t, where);
    utimesSync(where.certFile, 1, 1);
    place(first, where);
    assert.equal(watched.certificates.reload(), null);
    assert.deepEqual([watched.followed, watched.logged], [[], []]);
  });
});

test('certificates are read again at once when that is asked for, and what is wrong is said', (t) => {
  const where = directory.filesOf('asked');
  place(first, where);
  const watched = new Watched(t, where);
  place(second, where);
  assert.equal(watched.certificates.reload(), null);
  assert.equal(watched.subject, 'CN=second');
  copyFileSync(first.certFile, where.certFile);
  assert.match(watched.certificates.reload() ?? '', /does not belong to the first certificate/);
  assert.equal(watched.subject, 'CN=second');
});

test('certificates that are closed leave no timer behind, nor do those that could not be read', (t) => {
  const where = directory.filesOf('closed');
  place(first, where);
  const watched = new Watched(t, where);
  watched.certificates.close();
  assert.equal(watched.clock.waiting, 0);
  const clock = new TestClock(Date.UTC(2020, 0));
  assert.throws(() => new TlsCertificates(where, clock, createLog('none')), /clock/);
  assert.equal(clock.waiting, 0);
});
