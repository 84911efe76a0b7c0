/**
 * The names in a certificate (RFC 5280), written as RabbitMQ writes them, because they are the names of its users.
 *
 * A distinguished name has its last part first (RFC 4514, which followed RFC 2253): `CN=alice,O=Acme\, Inc.,C=DE`. Octets that
 * are not printable ASCII are escaped one by one.
 */
import type { AlternativeNameType } from '../config/login-options.ts';
import { encodeText } from '../protocol/text.ts';
import { type DerElement, derElements, derString, objectIdentifier, TAG_OBJECT_IDENTIFIER } from './der.ts';

/** Attributes that have a name of their own; others show their object identifier. */
const ATTRIBUTE_NAMES: Readonly<Record<string, string>> = {
  '2.5.4.3': 'CN',
  '2.5.4.4': 'SN',
  '2.5.4.5': 'SERIALNUMBER',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
  '2.5.4.12': 'TITLE',
  '2.5.4.42': 'GIVENNAME',
  '2.5.4.43': 'INITIALS',
  '2.5.4.44': 'GENERATIONQUALIFIER',
  '2.5.4.65': 'PSEUDONYM',
  '0.9.2342.19200300.100.1.1': 'UID',
  '0.9.2342.19200300.100.1.25': 'DC',
  '1.2.840.113549.1.9.1': 'EMAILADDRESS',
};
const COMMON_NAME = '2.5.4.3';
const SUBJECT_ALTERNATIVE_NAME = '2.5.29.17';

/** Tags of what stands in the outer parts of a certificate: RFC 5280, 4.1. */
const TAG_VERSION = 0xa0;
const TAG_EXTENSIONS = 0xa3;

/** Tags of GeneralName: RFC 5280, 4.2.1.6. */
const GENERAL_NAME_TAGS: Readonly<Record<AlternativeNameType, number>> = {
  other_name: 0xa0,
  email: 0x81,
  dns: 0x82,
  uri: 0x86,
  ip: 0x87,
};

interface Attribute {
  readonly type: string;
  readonly value: string;
}

/** Who a certificate is for, and who has signed it. */
export interface CertificateNames {
  readonly subject: string;
  readonly issuer: string;
}

/** @param der a certificate. @throws Error when it is none */
export function certificateNames(der: Buffer): CertificateNames {
  const { subject, issuer } = partsOf(der);
  return { subject: distinguishedName(subject), issuer: distinguishedName(issuer) };
}

/** The common names of the subject in the order of the certificate. */
export function commonNames(der: Buffer): string[] {
  const attributes = relativeNames(partsOf(der).subject).flat();
  return attributes.filter(({ type }) => type === COMMON_NAME).map(({ value }) => value);
}

/** The alternative names of one type in the order of the certificate. */
export function alternativeNames(der: Buffer, type: AlternativeNameType): string[] {
  const { extensions } = partsOf(der);
  const names = extensions.flatMap(({ content }) => {
    const parts = derElements(content);
    const isWanted = objectIdentifier(parts[0]!.content) === SUBJECT_ALTERNATIVE_NAME;
    // The value is an octet string that holds DER; whether it is critical may stand in front of it.
    return isWanted ? derElements(only(parts.at(-1)!.content).content) : [];
  });
  return names.filter(({ tag }) => tag === GENERAL_NAME_TAGS[type]).map((name) => generalName(type, name.content));
}

interface Parts {
  readonly issuer: Buffer;
  readonly subject: Buffer;
  readonly extensions: readonly DerElement[];
}

/** Certificate, TBSCertificate: RFC 5280, 4.1. */
function partsOf(der: Buffer): Parts {
  const toBeSigned = derElements(derElements(only(der).content)[0]!.content);
  if (toBeSigned[0]?.tag === TAG_VERSION) toBeSigned.shift();
  const [, , issuer, , subject] = toBeSigned;
  if (issuer === undefined || subject === undefined) throw new Error('a certificate that has no subject');
  const extensions = toBeSigned.find(({ tag }) => tag === TAG_EXTENSIONS);
  return {
    issuer: issuer.content,
    subject: subject.content,
    extensions: extensions === undefined ? [] : derElements(only(extensions.content).content),
  };
}

function only(content: Buffer): DerElement {
  const [element, ...others] = derElements(content);
  if (element === undefined || others.length > 0) throw new Error('DER with other than one element where there is one');
  return element;
}

function distinguishedName(name: Buffer): string {
  return relativeNames(name)
    .map((attributes) => attributes.map(writeAttribute).join('+'))
    .reverse()
    .join(',');
}

/** A name is a sequence of sets of pairs. */
function relativeNames(name: Buffer): Attribute[][] {
  return derElements(name).map(({ content }) => derElements(content).map(readAttribute));
}

function readAttribute(pair: DerElement): Attribute {
  const [type, value] = derElements(pair.content);
  if (type?.tag !== TAG_OBJECT_IDENTIFIER || value === undefined) throw new Error('an attribute without a type');
  return { type: objectIdentifier(type.content), value: derString(value) ?? `#${value.content.toString('hex')}` };
}

function writeAttribute({ type, value }: Attribute): string {
  return `${ATTRIBUTE_NAMES[type] ?? type}=${escapeValue(value)}`;
}

function escapeValue(value: string): string {
  const octets = encodeText(value);
  let text = '';
  for (let index = 0; index < octets.length; index++) text += escapeOctet(octets, index);
  return text;
}

function escapeOctet(octets: Buffer, index: number): string {
  const octet = octets[index]!;
  const letter = String.fromCharCode(octet);
  const isFirst = index === 0;
  const isLast = index === octets.length - 1;
  if ('"+,;<>\\'.includes(letter)) return `\\${letter}`;
  if ((letter === ' ' && (isFirst || isLast)) || (letter === '#' && isFirst)) return `\\${letter}`;
  // The tilde is printable; RabbitMQ escapes it, and names of users depend on it.
  if (octet < 0x20 || octet >= 0x7e) return `\\${octet.toString(16).toUpperCase().padStart(2, '0')}`;
  return letter;
}

function generalName(type: AlternativeNameType, content: Buffer): string {
  if (type === 'ip') return ipAddress(content);
  return type === 'other_name' ? otherName(content) : content.toString('latin1');
}

/** A type, and the value between explicit tags. */
function otherName(content: Buffer): string {
  const value = only(derElements(content)[1]!.content);
  return derString(value) ?? `#${value.content.toString('hex')}`;
}

function ipAddress(octets: Buffer): string {
  if (octets.length === 4) return octets.join('.');
  const groups = Array.from({ length: octets.length / 2 }, (_, index) => octets.readUInt16BE(index * 2).toString(16));
  // The canonical form, as any other address is shown.
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}
