import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeAuthority } from '../../demo/certificates.ts';
import { type MailSystem, startMailSystem } from '../../demo/mail-system.ts';
import { play, type Stage } from '../../demo/play.ts';
import { freePort } from '../../demo/ports.ts';
import type { Place } from '../../demo/act.ts';
import { ACTS } from '../../demo/story.ts';
import { createVerifier } from '../../demo/verifier.ts';

// In place of the relay stands the internet's own mail system, which takes everything and changes nothing.
let systems: Record<Place, MailSystem>;
let stage: Stage;

beforeAll(async () => {
  const authority = makeAuthority();
  const start = (name: string) => startMailSystem({ name, identity: authority.issue(name), hasMailbox: () => true });
  systems = {
    tenant1: await start('mail.tenant1.example'),
    tenant2: await start('mail-a.tenant2.example'),
    world: await start('mx.world.example'),
  };
  const sender = { name: 'sender.invalid', relayPort: systems.world.port };
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  stage = {
    senders: { tenant1: sender, tenant2: sender, world: sender, stranger: sender },
    systems,
    verify: createVerifier({}),
    worldKey: privateKey,
  };
});

afterAll(() => Promise.all(Object.values(systems).map((system) => system.close())));

async function failuresOf(title: string): Promise<string[]> {
  const act = ACTS.find((one) => one.title === title);
  if (act === undefined) throw new Error(`no act is called "${title}"`);
  return (await play(act, stage)).flatMap(({ failures }) => failures);
}

test('a relay that rewrites and signs nothing fails the story of John writing out, fact by fact', async () => {
  expect(await failuresOf('John writes out')).toEqual([
    'reverse-path should have been "john.smith@shared.example" and was "john.smith@tenant1.example".',
    'From should have been "John Smith <john.smith@shared.example>" and was "John Smith <john.smith@tenant1.example>".',
    'Cc should have been "Alice Adams <alice.adams@shared.example>" and was "Alice Adams <aadams@tenant1.example>".',
    'A good DKIM signature of shared.example is missing.',
  ]);
});

test('a message that arrives in the wrong place is told', async () => {
  expect(await failuresOf('The world answers Mary')).toEqual([
    'One message should have arrived at tenant 2; what arrived: the internet.',
  ]);
});

test('an open relay is told', async () => {
  expect(await failuresOf('A stranger tries to relay')).toEqual([
    'The sender should have heard "550 5.7.1…" and heard "250 2.0.0 Thank you".',
    'anna@world.example should have been refused with "550 5.7.1…" and was accepted.',
    'Nothing should have arrived anywhere, and something did at the internet.',
  ]);
});

test('a relay that does not answer is told, and ends no story', async () => {
  const nobody = { name: 'sender.invalid', relayPort: await freePort() };
  const [act] = ACTS;
  if (act === undefined) throw new Error('the story is empty');
  const [scene] = await play(act, { ...stage, senders: { ...stage.senders, [act.sender]: nobody } });
  expect(scene?.failures).toEqual([
    expect.stringMatching(/^The sender should have heard "250…" and heard "\(broken off: .*ECONNREFUSED.*\)"\.$/),
    'One message should have arrived at the internet; what arrived: nothing.',
    'The way to the relay was not encrypted.',
  ]);
});
