import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ConnectionHost } from '../../../relay/smtp/listener.ts';

const ROOT = join(import.meta.dirname, '../../..');

test('smtp-server is pinned: its insides are overridden, and a new version must be read before it is used', () => {
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const installed = JSON.parse(readFileSync(join(ROOT, 'node_modules/smtp-server/package.json'), 'utf8'));
  expect([dependencies['smtp-server'], installed.version]).toEqual(['3.21.6', '3.21.6']);
});

test('smtp-server’s own certificate, whose key is public, is never loaded', () => {
  expect(new ConnectionHost().secureContext.size).toBe(0);
});
