/**
 * The tests of back-pressure, of slow readers and of what a client may let the broker hold, once more over TLS: its sockets are
 * read by events, and written through OpenSSL's buffers.
 */
import { after } from 'node:test';
import { useTls } from './transport.ts';

const certificates = useTls();
after(() => certificates.remove());

await import('./limits-back-pressure.test.ts');
await import('./limits-of-holding.test.ts');
