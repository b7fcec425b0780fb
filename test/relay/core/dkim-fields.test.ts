import { describe, expect, test } from 'vitest';
import { prepareSignature, shouldSign } from '../../../relay/core/dkim-fields.ts';
import { parseHeader } from '../../../relay/core/header.ts';

const headerOf = (lines: string) => parseHeader(Buffer.from(lines.replaceAll('\n', '\r\n'), 'latin1'));
const prepare = (lines: string, selector = 's') =>
  prepareSignature({
    header: headerOf(lines),
    domain: 'shared.example',
    selector,
    bodyHash: new Uint8Array([1, 2, 3]),
  });
const namesIn = (field: string) => /h=([^;]*);/.exec(field.replaceAll(/\s/g, ''))?.[1]?.split(':');

describe('signed fields', () => {
  test('what readers see is named once more than it is there, or once when absent', () => {
    expect(namesIn(prepare('From: a@shared.example\nSubject: x\n').field(new Uint8Array()))).toEqual([
      'From',
      'From',
      'Reply-To',
      'Subject',
      'Subject',
      'To',
      'Cc',
    ]);
  });

  test('the rest only when present, lists’ own fields once an instance', () => {
    const lines =
      'From: a\nDate: b\nList-Id: c\nList-Unsubscribe: d\nReferences: e\nX-Mine: f\nReceived: g\nReturn-Path: h\n';
    expect(namesIn(prepare(lines).field(new Uint8Array()))).toEqual([
      'From',
      'From',
      'Reply-To',
      'Subject',
      'To',
      'Cc',
      'Date',
      'Date',
      'References',
      'References',
      'List-Id',
      'List-Unsubscribe',
    ]);
  });

  test('are canonical, the last of a name first, and the signature field comes last without a line end', () => {
    const { data } = prepare('SUBJECT : \t a\n  b\t \nto: first\nFrom:x@shared.example\nTo:second \xe9\nX: y\n');
    expect(Buffer.from(data).toString('latin1')).toBe(
      'from:x@shared.example\r\nsubject:a b\r\nto:second \xe9\r\nto:first\r\n' +
        'dkim-signature:v=1; a=rsa-sha256; c=relaxed/relaxed; d=shared.example; s=s;' +
        ' h=From:From:Reply-To:Subject:Subject:To:To:To:Cc; bh=AQID; b=',
    );
  });

  test('an empty value stays a field', () => {
    expect(Buffer.from(prepare('From:\nSubject: \t\n').data).toString()).toMatch(
      /^from:\r\nsubject:\r\ndkim-signature:/,
    );
  });
});

test('every line of the field is short, and it ends with one line end', () => {
  const lines = [
    'From',
    'Sender',
    'Date',
    'Message-ID',
    'MIME-Version',
    'Content-Type',
    'Content-Transfer-Encoding',
    'References',
  ];
  const field = prepare(lines.map((name) => `${name}: x\n`).join('')).field(new Uint8Array(256));
  expect(field.endsWith('\r\n')).toBe(true);
  const written = field.slice(0, -2).split('\r\n');
  expect(Math.max(...written.map((line) => line.length))).toBeLessThanOrEqual(78);
  expect(written.slice(1).every((line) => line.startsWith(' '))).toBe(true);
});

describe('mail is signed', () => {
  test.each([
    'From: a@shared.example\n',
    'From: "A, B" <A@SHARED.example> (x)\n',
    'From: a@shared.example <a@shared.example>\n',
    'from:\n a@shared.example\n',
  ])('%j', (lines) => {
    expect(shouldSign(headerOf(lines), 'shared.example')).toBe(true);
  });
});

describe('mail is not signed', () => {
  test.each([
    'Subject: no From\n',
    'From:\n',
    'From: nobody\n',
    'From: a@world.example\n',
    'From: a@sub.shared.example\n',
    'From: a@shared.example, b@world.example\n',
    'From: a@shared.example, b@shared.example\n',
    'From: a@world.example <a@shared.example>\n',
    'From: a@shared.example\nFrom: a@shared.example\n',
    'From: a@shared.example\nfrom : b@world.example\n',
    'Sender: a@shared.example\n',
  ])('%j', (lines) => {
    expect(shouldSign(headerOf(lines), 'shared.example')).toBe(false);
  });
});
