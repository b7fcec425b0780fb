import { generateKeyPairSync } from 'node:crypto';
import { dkimVerify } from 'mailauth/lib/dkim/verify.js';
import { describe, expect, test } from 'vitest';
import { MemoryBody } from '../../../relay/smtp/body.ts';
import { createDomainSigners, createSigner } from '../../../relay/auth/dkim-sign.ts';
import { type Header, parseHeader } from '../../../relay/core/header.ts';
import { verifyWithDkimpy } from '../../support/dkimpy.ts';

const rsa = (bits: number) =>
  generateKeyPairSync('rsa', {
    modulusLength: bits,
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
const one = rsa(2048);
const two = rsa(2048);
const KEYS = {
  'one._domainkey.shared.example': `v=DKIM1; k=rsa; p=${one.publicKey.toString('base64')}`,
  'two._domainkey.shared.example': `v=DKIM1; k=rsa; p=${two.publicKey.toString('base64')}`,
};

const bodyOf = (text: string) => new MemoryBody([Buffer.from(text, 'latin1')]);
const hashOf = (text: string) => bodyOf(text).relaxedHash();

const headerOf = (lines: readonly string[]) => parseHeader(Buffer.from(`${lines.join('\r\n')}\r\n`, 'latin1'));

function message(fields: string, header: Header, body: string): Buffer {
  return Buffer.concat([Buffer.from(fields), header.octets, Buffer.from(`\r\n${body}`, 'latin1')]);
}

async function verifyWithMailauth(signed: Buffer): Promise<string[]> {
  const resolver = async (name: string) => [[KEYS[name as keyof typeof KEYS]]];
  const { results } = await dkimVerify(signed, { resolver });
  return results.map(({ status }) => status.result);
}

const FROM = 'From: John Smith <john.smith@shared.example>';
const PLAIN = [FROM, 'To: Anna <anna@world.example>', 'Subject: Our offer', 'Date: Sun, 22 Nov 2026 10:00:00 +0000'];

const MESSAGES: readonly { readonly name: string; readonly header: readonly string[]; readonly body: string }[] = [
  { name: 'a plain message', header: PLAIN, body: 'Hello\r\n' },
  { name: 'no body', header: PLAIN, body: '' },
  { name: 'empty lines at the end', header: PLAIN, body: 'Hello\r\n\r\n\r\n' },
  { name: 'nothing but empty lines', header: PLAIN, body: '\r\n\r\n' },
  { name: 'no line end at the end', header: PLAIN, body: 'Hello' },
  { name: 'runs of white space', header: PLAIN, body: ' a  b\t\tc \t\r\n\t\r\n  d\r\n' },
  {
    name: 'folded and oddly spelt fields',
    header: [
      'fRoM:\t"Smith,\tJohn"',
      '   <john.smith@shared.example>  ',
      'TO: a@world.example,',
      '\tb@world.example',
      'Subject:',
    ],
    body: 'x\r\n',
  },
  { name: 'octets above 127', header: [...PLAIN, 'Sender: J\xf6hn <j@shared.example>'], body: 'Gr\xfc\xdfe\r\n' },
  {
    name: 'fields that stand twice',
    header: [
      ...PLAIN,
      'Reply-To: a@shared.example',
      'Reply-To: b@shared.example',
      'Received: from x',
      'Received: from y',
    ],
    body: 'x\r\n',
  },
];

describe('a signature is good for two foreign verifiers', () => {
  const made = createSigner(one.privateKey, { domain: 'shared.example', selector: 'one' });
  if (!made.ok) throw new Error(made.reason);
  const { signer } = made;

  test.each(MESSAGES)('$name', async ({ header, body }) => {
    const parsed = headerOf(header);
    const signed = message(await signer(parsed, await hashOf(body)), parsed, body);
    expect(await verifyWithMailauth(signed)).toEqual(['pass']);
    expect(verifyWithDkimpy(signed, KEYS)).toEqual([true]);
  });

  test('and bad once a signed field, a second From or the body is changed', async () => {
    const parsed = headerOf(PLAIN);
    const signed = message(await signer(parsed, await hashOf('Hello\r\n')), parsed, 'Hello\r\n').toString('latin1');
    const changed = [
      signed.replace('Our offer', 'Our 0ffer'),
      signed.replace('Hello', 'Hallo'),
      `From: someone@else.example\r\n${signed}`,
    ];
    for (const text of changed) {
      expect(await verifyWithMailauth(Buffer.from(text, 'latin1'))).not.toContain('pass');
      expect(verifyWithDkimpy(Buffer.from(text, 'latin1'), KEYS)).toEqual([false]);
    }
  });
});

test('the time of signing is written when a clock is given', async () => {
  const now = () => new Date('2026-11-22T10:00:00.900Z');
  const made = createSigner(one.privateKey, { domain: 'shared.example', selector: 'one' }, now);
  expect(made.ok && (await made.signer(headerOf(PLAIN), await hashOf('')))).toContain('t=1795341600;');
});

describe('a key that cannot sign is told by name', () => {
  const ec = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  test.each([
    ['no key at all', '', 'no unencrypted PEM text'],
    [
      'a public key',
      `-----BEGIN PUBLIC KEY-----\n${one.publicKey.toString('base64')}\n-----END PUBLIC KEY-----`,
      'no unen',
    ],
    ['another algorithm', ec.privateKey, 'of type ec'],
    ['too few bits', rsa(1024).privateKey, '1024 bits'],
  ])('%s', (_name, pem, words) => {
    const made = createSigner(pem, { domain: 'shared.example', selector: 'one' });
    expect(made).toEqual({ ok: false, reason: expect.stringContaining(words) });
  });
});

describe('signing for shared domains', () => {
  const credentials = new Map([
    ['k1', one.privateKey],
    ['k2', two.privateKey],
    ['k3', 'nonsense'],
  ]);
  const key = (selector: string, id: string) => ({ selector, key: id, algorithm: 'RSA2048' as const });
  const shared = { domain: 'shared.example', dkim: [key('one', 'k1'), key('two', 'k2'), key('three', 'k3')] };
  const { sign, problems } = createDomainSigners([{ domain: 'other.example', dkim: [] }, shared], credentials);

  test('every key that can signs, and both signatures are good', async () => {
    const parsed = headerOf(PLAIN);
    const signed = message(await sign(parsed, bodyOf('Hello\r\n')), parsed, 'Hello\r\n');
    expect(await verifyWithMailauth(signed)).toEqual(['pass', 'pass']);
    expect(verifyWithDkimpy(signed, KEYS)).toEqual([true, true]);
  });

  test('a key that cannot is named and stands in nobody’s way', () => {
    expect(problems).toEqual([expect.stringMatching(/^three\._domainkey\.shared\.example: /)]);
  });

  test.each([
    ['a foreign From', ['From: a@world.example']],
    ['a subdomain', ['From: a@sub.shared.example']],
    ['no From', ['To: a@shared.example']],
    ['two From fields', [FROM, FROM]],
  ])('%s is not signed', async (_name, header) => {
    expect(await sign(headerOf(header), bodyOf('Hello\r\n'))).toBe('');
  });
});
