import { describe, expect, test } from 'vitest';
import { parseHeader } from '../../../relay/core/header.ts';
import { isSignedOrEncrypted } from '../../../relay/core/signed.ts';

const is = (text: string) => isSignedOrEncrypted(parseHeader(Buffer.from(`Subject: x\r\n${text}\r\n`)));

describe('signed or encrypted', () => {
  test.each([
    'Content-Type: multipart/signed; protocol="application/pgp-signature"; boundary=x',
    'content-type:\r\n\tMULTIPART/Signed;\r\n\tboundary=x',
    'Content-Type: (comment) multipart/encrypted; boundary=x',
    'Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m',
    'Content-Type: application/x-pkcs7-mime',
    'Content-Type: application/x-microsoft-rpmsg-message; name="message.rpmsg"',
    'Content-Type: application/octet-stream; name="smime.p7m"',
    'Content-Type: application/octet-stream; x=y; name=SMIME.P7M; z=1',
    'Content-Class: rpmsg.message\r\nContent-Type: multipart/mixed; boundary=x',
    'Content-Type: text/plain\r\nContent-Type: multipart/signed',
  ])('%j', (text) => {
    expect(is(text)).toBe(true);
  });
});

describe('neither', () => {
  test.each([
    'Content-Type: multipart/mixed; boundary="multipart/signed"',
    'Content-Type: text/plain; x=multipart/signed',
    'Content-Type: application/octet-stream; name="smime.p7m.txt"',
    'Content-Type: application/pgp-signature',
    'Content-Class: urn:content-classes:message',
    'X-Content-Type: multipart/signed',
    'Content-Type:',
    'MIME-Version: 1.0',
  ])('%j', (text) => {
    expect(is(text)).toBe(false);
  });
});
