import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Findings } from './assignment.ts';
import { readClassic } from './classic-file.ts';
import { type Configuration, readLayer } from './configuration.ts';
import { readSysctl } from './sysctl-file.ts';

function fromLines(...lines: string[]): Configuration & { findings: Findings } {
  const findings = new Findings();
  return {
    ...readLayer(
      readSysctl('conf', lines.join('\n'), findings, () => []),
      findings,
    ),
    findings,
  };
}

function fromTerms(listener: string): Configuration & { findings: Findings } {
  const findings = new Findings();
  const file = `[{rabbitmq_management, [{listener, [${listener}]}]}].`;
  return { ...readLayer(readClassic('terms', file, findings), findings), findings };
}

test('a listener without TLS is the one without, whatever is said of TLS beside it', () => {
  const lines = ['management.listener.port = 1', 'management.listener.ip = ::1', 'management.listener.ssl = false'];
  const { settings, findings } = fromLines(...lines, 'management.listener.ssl_opts.certfile = /cert.pem');
  assert.deepEqual(settings, { managementPort: 1, managementHost: '::1' });
  assert.deepEqual(findings.faults, []);
  assert.match(findings.notices[0]!, /^conf:4: management\.listener\.ssl_opts\.certfile: it counts with /);
  const terms = fromTerms('{port, 1}, {ip, "::1"}, {ssl_opts, [{certfile, "/cert.pem"}]}');
  assert.deepEqual(terms.settings, settings);
  assert.equal(terms.findings.notices.length, 1);
});

test('a listener with TLS is the one with it, wherever in the file that is said', () => {
  const lines = ['management.listener.port = 1', 'management.listener.ssl_opts.certfile = /cert.pem'];
  const { settings, findings } = fromLines(...lines, 'management.listener.ssl = true');
  assert.deepEqual(findings, new Findings());
  assert.deepEqual(settings, { managementTlsPort: 1, managementTlsCertFile: '/cert.pem' });
  const terms = fromTerms('{port, 1}, {ssl_opts, [{certfile, "/cert.pem"}, {versions, [\'tlsv1.2\']}]}, {ssl, true}');
  assert.deepEqual(terms.findings, new Findings());
  const { managementTlsVersions, ...others } = terms.settings;
  assert.deepEqual(others, settings);
  assert.deepEqual([...managementTlsVersions!.values()], ['tlsv1.2']);
});

test('whether it has TLS is true or false', () => {
  assert.deepEqual(fromLines('management.listener.ssl = on').findings.faults, [
    'conf:1: management.listener.ssl = on: expected true or false',
  ]);
  assert.deepEqual(fromTerms('{ssl, on}').findings.faults, [
    'terms:1:43: rabbitmq_management.listener.ssl: expected true or false',
  ]);
});
