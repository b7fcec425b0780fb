/** A retry of a message that was delivered after its client had gone is known again; nothing else is. */

import { describe, expect, it } from 'vitest';
import { DeliveredMemory, type Delivery, keepsakeOf } from '../../../relay/transaction/delivered-memory.ts';
import { MemoryBody } from '../../../relay/smtp/body.ts';
import { MessageRate } from '../../../relay/transaction/message-rate.ts';

const DELIVERY: Delivery = {
  client: '192.0.2.1',
  reversePath: 'a@world.example',
  recipients: ['john@tenant1.example', 'ann@tenant1.example'],
  messageId: '<1@world.example>',
  body: { digest: () => new Uint8Array([1, 2, 3]) },
};

describe('DeliveredMemory', () => {
  it('knows the same delivery again, in any order of recipients, until a day has passed', () => {
    let now = 1000;
    const memory = new DeliveredMemory(() => now);
    expect(memory.recall(DELIVERY)).toBe(false);
    memory.remember(DELIVERY);
    expect(memory.recall({ ...DELIVERY, recipients: [...DELIVERY.recipients].reverse() })).toBe(true);
    expect(memory.recall(DELIVERY)).toBe(true);
    now += 24 * 3600 * 1000 + 1;
    expect(memory.recall(DELIVERY)).toBe(false);
  });

  it.each([
    ['client', { client: '192.0.2.2' }],
    ['sender', { reversePath: '' }],
    ['recipients', { recipients: ['john@tenant1.example'] }],
    ['message id', { messageId: '<2@world.example>' }],
    ['body', { body: { digest: () => new Uint8Array([1, 2, 4]) } }],
  ])('takes another %s for another message', (_name, other) => {
    const memory = new DeliveredMemory(() => 0);
    memory.remember(DELIVERY);
    expect(memory.recall({ ...DELIVERY, ...other })).toBe(false);
  });

  it('takes two messages without a Message-ID for two', () => {
    const memory = new DeliveredMemory(() => 0);
    memory.remember({ ...DELIVERY, messageId: '' });
    expect(memory.recall({ ...DELIVERY, messageId: '' })).toBe(false);
    expect(memory.size).toBe(0);
  });

  it.each([16 * 1024, 16 * 1024 + 1])('knows a body of %i octets by its digest', (octets) => {
    const memory = new DeliveredMemory(() => 0);
    const body = new MemoryBody([Buffer.alloc(octets, 'x')]);
    memory.remember({ ...DELIVERY, body: keepsakeOf(body) });
    expect(memory.recall({ ...DELIVERY, body })).toBe(true);
    expect(memory.recall({ ...DELIVERY, body: new MemoryBody([Buffer.alloc(octets, 'y')]) })).toBe(false);
  });

  it('forgets the oldest first and stays bounded', () => {
    const memory = new DeliveredMemory(() => 0);
    for (let index = 0; index <= 100_000; index++) memory.remember({ ...DELIVERY, messageId: `<${index}>` });
    expect(memory.size).toBe(100_000);
    expect(memory.recall({ ...DELIVERY, messageId: '<0>' })).toBe(false);
    expect(memory.recall({ ...DELIVERY, messageId: '<100000>' })).toBe(true);
  });
});

describe('MessageRate', () => {
  it('gives each client its share of a minute, and a new one in the next', () => {
    let now = 0;
    const rate = new MessageRate(() => now);
    expect([rate.take('a', 2), rate.take('a', 2), rate.take('a', 2), rate.take('b', 2)]).toEqual([
      true,
      true,
      false,
      true,
    ]);
    now = 60_000;
    expect(rate.take('a', 2)).toBe(true);
  });
});
