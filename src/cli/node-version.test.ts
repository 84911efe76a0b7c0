import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { nodeVersionFault } from './node-version.ts';

test('an older Node than package.json asks for is named, with what is needed', () => {
  const { engines } = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8'));
  const oldest = Number(/^>=(\d+)$/.exec(engines.node)?.[1]);
  assert.equal(nodeVersionFault(`v${oldest}.0.0`), null);
  assert.equal(nodeVersionFault(process.version), null);
  assert.equal(
    nodeVersionFault(`v${oldest - 1}.9.9`),
    `Node ${oldest} or newer is needed, and this is v${oldest - 1}.9.9`,
  );
  assert.match(nodeVersionFault('v9.11.2') ?? '', /this is v9\.11\.2$/);
});
