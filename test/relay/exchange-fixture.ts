/** Worlds with Exchange Online for tests: one set of certificates a file, and nothing left behind. */

import { afterAll, afterEach, beforeAll } from 'vitest';
import {
  type ExchangeCertificates,
  type ExchangeWorld,
  exchangeCertificates,
  exchangeWorld,
  TENANT_ID,
  type WorldOptions,
} from './exchange-world.ts';
import type { ScriptedPeer } from './next-hop/scripted-peer.ts';

let certificates: ExchangeCertificates;
beforeAll(async () => {
  certificates = await exchangeCertificates();
});
afterAll(() => certificates.remove());

const cleanup: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0)) await undo();
});

export async function start(options: WorldOptions = {}): Promise<ExchangeWorld> {
  const world = await exchangeWorld(certificates, options);
  cleanup.push(() => world.stop());
  return world;
}

export function message(id: string | undefined, more: readonly string[] = []): string {
  const proof = id === undefined ? [] : [`${TENANT_ID}: ${id}`];
  const lines = [
    'From: John <john@tenant1.example>',
    ...proof,
    ...more,
    'Message-ID: <1@exchange.example>',
    '',
    'Hello',
  ];
  return `${lines.join('\r\n')}\r\n`;
}

export const commands = (peer: ScriptedPeer) => peer.conversations.flatMap((conversation) => conversation.commands);
export const contents = (peer: ScriptedPeer) => peer.conversations.flatMap((conversation) => conversation.contents);
export const JOHN = 'john@tenant1.example';
