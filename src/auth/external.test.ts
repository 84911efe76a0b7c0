/** What stands here of names is what RabbitMQ 3.10.8 made of the same certificates. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { CertificateDirectory, type CertificateOptions } from '../../test/integration/certificates.ts';
import { ALTERNATIVE_NAME_TYPES, DEFAULT_CERTIFICATE_LOGIN } from '../config/login-options.ts';
import { AmqpError } from '../protocol/errors.ts';
import { ClientCertificate } from './client-certificate.ts';
import { external, userNameOf } from './external.ts';

const directory = new CertificateDirectory();
let keyFile = '';
before(() => {
  keyFile = directory.authority('key').keyFile;
});
after(() => directory.remove());

let count = 0;

function certificate(options: CertificateOptions): Buffer {
  count++;
  const flags = ['-utf8', ...(options.flags ?? [])];
  const file = directory.signedBySelf(`${count}`, keyFile, { ...options, flags });
  return new X509Certificate(readFileSync(file)).raw;
}

/** Lets openssl use one type of string: a bit of the mask for each (ASN1_mbstring_copy). */
function stringType(mask: string): readonly string[] {
  const config = directory.file(`mask-${mask}.cnf`);
  writeFileSync(config, `[req]\nstring_mask = MASK:${mask}\ndistinguished_name = names\n[names]\n`);
  return ['-config', config];
}

function peer(der: Buffer | null) {
  return {
    certificate: der === null ? null : new ClientCertificate(der),
    protocol: 'TLSv1.3',
    cipher: 'TLS_AES_256_GCM_SHA384',
  };
}

const MANY =
  '/SN=Doe/GN=John/initials=JD/generationQualifier=Jr/title=Dr/serialNumber=123/pseudonym=jj/street=Main/CN=many';

describe('a distinguished name', () => {
  for (const [subject, name] of [
    ['/C=DE/ST=Berlin/L=Berlin/O=Acme, Inc./OU=R/CN=alice', 'CN=alice,OU=R,O=Acme\\, Inc.,L=Berlin,ST=Berlin,C=DE'],
    ['/O=a\\+b"c\\\\d<e>f;g/CN=#hash', 'CN=\\#hash,O=a\\+b\\"c\\\\d\\<e\\>f\\;g'],
    ['/O= lead/OU=trail /CN= ', 'CN=\\ ,OU=trail\\ ,O=\\ lead'],
    ['/O=  two/CN=two  ', 'CN=two \\ ,O=\\  two'],
    ['/O=Acme/CN=alice+OU=x+UID=u1', 'OU=x+CN=alice+UID=u1,O=Acme'],
    ['/CN=one/CN=two', 'CN=two,CN=one'],
    ['/DC=org/DC=example/UID=jdoe/CN=John', 'CN=John,UID=jdoe,DC=example,DC=org'],
    ['/CN=x/emailAddress=a@b.c', 'EMAILADDRESS=a@b.c,CN=x'],
    [
      MANY,
      'CN=many,2.5.4.9=Main,PSEUDONYM=jj,SERIALNUMBER=123,TITLE=Dr,GENERATIONQUALIFIER=Jr,INITIALS=JD,GIVENNAME=John,SN=Doe',
    ],
    ['/unstructuredName=un/CN=k/description=some', '2.5.4.13=some,CN=k,1.2.840.113549.1.9.2=un'],
    ['/CN=Jürgen ☃ 𝄞~', 'CN=J\\C3\\BCrgen \\E2\\98\\83 \\F0\\9D\\84\\9E\\7E'],
    ['/CN=a#b=c\u007f', 'CN=a#b=c\\7F'],
    ['/', ''],
  ] as const) {
    test(`of the subject ${subject} is ${name}`, () => {
      assert.equal(userNameOf(certificate({ subject }), DEFAULT_CERTIFICATE_LOGIN), name);
    });
  }

  for (const [type, mask, text, name] of [
    ['BMPString', '0x800', 'Jürgen ☃', 'CN=J\\C3\\BCrgen \\E2\\98\\83'],
    ['TeletexString', '0x4', 'Jürgen', 'CN=J\\C3\\BCrgen'],
    ['UniversalString', '0x100', 'Jürgen 𝄞', 'CN=J\\C3\\BCrgen \\F0\\9D\\84\\9E'],
    ['IA5String', '0x10', 'ia5', 'CN=ia5'],
  ] as const) {
    test(`may be written as ${type}`, () => {
      const der = certificate({ subject: `/CN=${text}`, flags: stringType(mask) });
      assert.equal(userNameOf(der, DEFAULT_CERTIFICATE_LOGIN), name);
    });
  }
});

describe('a common name', () => {
  const login = { ...DEFAULT_CERTIFICATE_LOGIN, from: 'common_name' } as const;

  test('is taken as it is', () => {
    assert.equal(userNameOf(certificate({ subject: '/O=x/CN=Jürgen, x' }), login), 'Jürgen, x');
  });

  test('that is there more than once is written with commas between', () => {
    assert.equal(userNameOf(certificate({ subject: '/CN=one/O=x/CN=two' }), login), 'one,two');
  });

  test('that is not there gives no user', () => {
    assert.equal(userNameOf(certificate({ subject: '/O=x' }), login), undefined);
  });
});

describe('an alternative name', () => {
  const alternativeNames = [
    'DNS:a.example,DNS:b.example,email:a@b.c,URI:urn:x:y,IP:127.0.0.1,IP:2001:db8:0:0::1',
    'otherName:1.3.6.1.4.1.311.20.2.3;UTF8:upn@x,otherName:1.2.3;PRINTABLESTRING:printed',
  ].join();
  let der: Buffer;
  before(() => {
    der = certificate({ subject: '/CN=x', alternativeNames });
  });

  for (const [alternativeNameType, alternativeNameIndex, name] of [
    ['dns', 0, 'a.example'],
    ['dns', 1, 'b.example'],
    ['dns', 2, undefined],
    ['email', 0, 'a@b.c'],
    ['uri', 0, 'urn:x:y'],
    // RabbitMQ takes the octets themselves for the name; nobody can be called that.
    ['ip', 0, '127.0.0.1'],
    ['ip', 1, '2001:db8::1'],
    ['other_name', 0, 'upn@x'],
    ['other_name', 1, 'printed'],
  ] as const) {
    test(`of type ${alternativeNameType}, number ${alternativeNameIndex}, is ${name}`, () => {
      const login = { from: 'subject_alternative_name', alternativeNameType, alternativeNameIndex } as const;
      assert.equal(userNameOf(der, login), name);
    });
  }

  test('that is not there gives no user', () => {
    const login = { from: 'subject_alternative_name', alternativeNameIndex: 0 } as const;
    const without = certificate({ subject: '/CN=x' });
    for (const alternativeNameType of ALTERNATIVE_NAME_TYPES) {
      assert.equal(userNameOf(without, { ...login, alternativeNameType }), undefined);
    }
  });
});

test('a certificate is described as RabbitMQ describes it', () => {
  const der = certificate({ subject: '/O=Acme/CN=alice' });
  const { validFromDate } = new X509Certificate(der);
  const { subject, issuer, validity } = new ClientCertificate(der).description;
  assert.deepEqual([subject, issuer], ['CN=alice,O=Acme', 'CN=alice,O=Acme']);
  assert.match(validity, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ - \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  assert.equal(Date.parse(validity.split(' - ')[0]!), validFromDate.getTime());
});

describe('EXTERNAL', () => {
  const mechanism = external();

  test('is offered to who has shown a certificate that was verified', () => {
    assert.equal(mechanism.isOffered(peer(Buffer.of(0))), true);
    assert.equal(mechanism.isOffered(peer(null)), false);
    assert.equal(mechanism.isOffered(null), false);
  });

  test('is a claim without a password, whatever the response says', () => {
    const der = certificate({ subject: '/CN=alice' });
    for (const response of ['', 'bob', '\0bob\0secret']) {
      const claim = mechanism.read(Buffer.from(response), peer(der));
      assert.deepEqual(claim, { username: 'CN=alice', password: null });
    }
  });

  test('is refused without a certificate, with RabbitMQ’s reason', () => {
    const refusal = 'connection peer presented no TLS (x.509) certificate';
    assert.deepEqual(mechanism.read(Buffer.alloc(0), peer(null)), { refusal });
  });

  test('is refused where the certificate has no such name', () => {
    const byName = external({ ...DEFAULT_CERTIFICATE_LOGIN, from: 'common_name' });
    const claim = byName.read(Buffer.alloc(0), peer(certificate({ subject: '/O=x' })));
    assert.deepEqual(claim, { refusal: 'no name found' });
  });

  test('is refused for what is no certificate, and nothing else falls over', () => {
    for (const octets of ['', '30', '3000', '3003020100', '30820000', '1f01']) {
      const claim = mechanism.read(Buffer.alloc(0), peer(Buffer.from(octets, 'hex')));
      assert.match('refusal' in claim ? claim.refusal : '', /^the certificate cannot be read: /, octets);
    }
  });

  test('is no mechanism at all without TLS', () => {
    assert.throws(
      () => mechanism.read(Buffer.alloc(0), null),
      (error) => error instanceof AmqpError && error.replyText.includes("invalid authentication mechanism 'EXTERNAL'"),
    );
  });
});
