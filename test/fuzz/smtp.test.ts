/** The whole relay between clients in any order and next hops of any mood keeps to its model; `npm run fuzz -- smtp` plays longer. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ExchangeCertificates, exchangeCertificates } from '../relay/exchange-world.ts';
import { fuzzSmtp, movesOf } from './smtp-fuzzer.ts';
import { Model } from './smtp-model.ts';
import type { Client } from './smtp-rules.ts';

let certificates: ExchangeCertificates;
beforeAll(async () => {
  certificates = await exchangeCertificates();
});
afterAll(() => certificates.remove());

describe('the relay', () => {
  it('keeps to the model for thousands of commands, and delivers meanwhile', async () => {
    const { failure, delivered } = await fuzzSmtp(certificates, { steps: 5000, seed: 1 });
    expect(failure?.dialog.join('\n') ?? '', failure?.law).toBe('');
    expect(delivered).toBeGreaterThan(50);
  });
});

describe('the model', () => {
  const said = (client: Client, exchanges: readonly (readonly [line: string, code: number])[]) => {
    const model = new Model(client, { untold: new Set(), asked: new Set() });
    const broken = exchanges.map(([line, code]) => {
      model.send(`${line}\r\n`);
      const due = model.next();
      return due && model.heard(due, code);
    });
    return broken.filter((one) => one !== undefined);
  };
  const BEGUN = [
    ['EHLO x', 250],
    ['MAIL FROM:<a@x.example>', 250],
  ] as const;

  it.each([
    ['MAIL before EHLO', 'internet', [['MAIL FROM:<a@x.example>', 250]]],
    ['a foreign recipient of a stranger', 'internet', [...BEGUN, ['RCPT TO:<bob+t1@world.example>', 250]]],
    ['an address that no rule resolves', 'tenant', [...BEGUN, ['RCPT TO:<ghost+t1@shared.example>', 250]]],
    ['a recipient that its next hop refuses', 'internet', [...BEGUN, ['RCPT TO:<gone+t1@shared.example>', 250]]],
    [
      'two destinations in one transaction',
      'internet',
      [...BEGUN, ['RCPT TO:<john+t1@shared.example>', 250], ['RCPT TO:<mary+t2@shared.example>', 250]],
    ],
    [
      'what is asked now beside what is asked after the proof',
      'candidate',
      [...BEGUN, ['RCPT TO:<john+t1@shared.example>', 250], ['RCPT TO:<bob+t2@tenant1.example>', 250]],
    ],
    ['DATA without a recipient', 'internet', [...BEGUN, ['DATA', 354]]],
    ['a 421 without a reason', 'internet', [...BEGUN, ['NOOP', 421]]],
    ['patience without end', 'internet', Array.from({ length: 10 }, () => ['FOO', 500] as const)],
  ] as const)('takes offence at %s', (_what, client, exchanges) => {
    expect(said(client, exchanges)).toHaveLength(1);
  });

  it('takes none at a transaction as it should be', () => {
    const exchanges = [...BEGUN, ['RCPT TO:<john+t1@shared.example>', 250], ['DATA', 354], ['x\r\n.', 250]] as const;
    expect(said('internet', [...exchanges, ['QUIT', 221]])).toEqual([]);
  });
});

it('the same seed makes the same moves', () => {
  expect(movesOf(3)).toEqual(movesOf(3));
  expect(movesOf(3)).not.toEqual(movesOf(4));
});
