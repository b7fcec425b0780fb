import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeAuthority } from '../../demo/certificates.ts';
import { type MailSystem, startMailSystem } from '../../demo/mail-system.ts';
import { type Place, SENDERS, type SenderName } from '../../demo/act.ts';
import { PARTS } from '../../demo/parts.ts';
import { play, type Scene, type Stage } from '../../demo/play.ts';
import { freePort } from '../../demo/ports.ts';
import type { Sender } from '../../demo/sending.ts';
import { ACTS } from '../../demo/story.ts';
import { createVerifier } from '../../demo/verifier.ts';

// In place of the relay stands the internet's own mail system, which takes everything and changes nothing.
const systems: Partial<Record<Place, MailSystem>> = {};
let world: MailSystem;
let stage: Stage;

beforeAll(async () => {
  const authority = makeAuthority();
  const start = (name: string) => startMailSystem({ name, identity: authority.issue(name), hasMailbox: () => true });
  world = await start('mx.world.example');
  systems.world = world;
  for (const place of ['tenant1', 'tenant2', 'tenant10', 'onPremises', 'cloud'] as const) {
    systems[place] = await start(`${place.toLowerCase()}.example`);
  }
  const sender = { name: 'sender.invalid', relayPort: world.port };
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  stage = {
    senders: everybody(sender),
    systems,
    verify: createVerifier({}),
    worldKey: privateKey,
    addManifests: async () => 7,
  };
});

function everybody(sender: Sender): Record<SenderName, Sender> {
  const names = Object.keys(SENDERS) as SenderName[];
  return Object.fromEntries(names.map((name) => [name, sender])) as Record<SenderName, Sender>;
}

afterAll(() => Promise.all(Object.values(systems).map((system) => system.close())));

async function scenesOf(title: string, on: Stage = stage): Promise<Scene[]> {
  const act = PARTS.flatMap(({ acts }) => acts).find((one) => one.title === title);
  if (act === undefined) throw new Error(`no act is called "${title}"`);
  return await play(act, on);
}

async function failuresOf(title: string, on: Stage = stage): Promise<string[]> {
  return (await scenesOf(title, on)).flatMap(({ failures }) => failures);
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

test('a relay that asks the internet in the name of an unproven customer is told', async () => {
  expect(await failuresOf("He writes John's tenant id into the header")).toEqual([
    'The sender should have heard "550 5.7.1…" and heard "250 2.0.0 Thank you".',
    'Nothing should have arrived anywhere, and something did at the internet.',
    'The mail system of the internet should not have been asked, and was.',
  ]);
});

test('a relay that refuses in place of the authority is told', async () => {
  const nobody = { name: 'sender.invalid', relayPort: await freePort() };
  expect(
    await failuresOf('The world writes to a student whom nobody knows', { ...stage, senders: everybody(nobody) }),
  ).toContain('The mail system of the authority should have been asked, and was not.');
});

test("what Exchange Online says of a tenant, and a signature in a stranger's name, must not arrive", async () => {
  const failures = await failuresOf('John writes out, from Exchange Online');
  expect(failures).toContain('X-MS-Exchange-CrossTenant-Id should have been removed.');
  expect(failures).toContain('X-MS-Exchange-CrossTenant-AuthAs should have been removed.');
  expect(failures).toContain('X-OriginatorOrg should have been removed.');
  const act = ACTS.find(({ title }) => title === 'The world answers John');
  const [outcome] = act?.outcomes ?? [];
  if (act === undefined || outcome?.arrives === undefined) throw new Error('the story has changed');
  const arrives = { ...outcome.arrives, at: 'world', signedBy: undefined } as const;
  const [scene] = await play({ ...act, outcomes: [{ ...outcome, arrives }] }, stage);
  expect(scene?.failures).toContain('It should have arrived unsigned, and is signed by world.example.');
});

describe('while a tenant joins', () => {
  const title = 'A tenth tenant joins while everything runs';
  test('others are heard before, during and after', async () => {
    const on = { ...stage, systems: { ...systems, tenant2: world } };
    const [scene] = await scenesOf(title, on);
    expect(scene?.note).toMatch(
      /^In force 7 ms after the manifests were written\. Meanwhile: (\d+) other messages on one connection, \1 delivered\.$/,
    );
    expect(scene?.failures.join()).not.toContain('other');
  });

  test('what gets lost is told', async () => {
    const failures = await failuresOf(title);
    expect(failures[0]).toMatch(/^Of \d+ other messages 0 arrived\.$/);
  });

  test('who is refused is told', async () => {
    const strict = await startMailSystem({
      name: 'mx.world.example',
      identity: makeAuthority().issue('mx.world.example'),
      hasMailbox: () => false,
    });
    const sender = { name: 'sender.invalid', relayPort: strict.port };
    const failures = await failuresOf(title, { ...stage, senders: everybody(sender) });
    await strict.close();
    expect(failures[0]).toBe('Somebody else was interrupted, and heard "550 5.1.1 No mailbox here by that name".');
  });

  test('manifests that never come into force are told', async () => {
    const addManifests = async () => {
      throw new Error('the change was not in force within 60 seconds');
    };
    expect(await failuresOf(title, { ...stage, addManifests })).toContain(
      'They are not in force: the change was not in force within 60 seconds.',
    );
  });
});
