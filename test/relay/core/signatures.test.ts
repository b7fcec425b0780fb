import { describe, expect, test } from 'vitest';
import { parseHeader } from '../../../relay/core/header.ts';
import { removeBrokenSignatures } from '../../../relay/core/signatures.ts';

const TENANTS = new Set(['tenant1.example', 'xn--bcher-kva.example']);
const FROM_CHANGED = { changedFields: new Set(['from']), bodyChanged: false };
const headerOf = (fields: string) => parseHeader(Buffer.from(`${fields}From: a@shared.example\r\n`));
const isKept = (fields: string, changes = FROM_CHANGED) => {
  const header = headerOf(fields);
  const after = removeBrokenSignatures(header, TENANTS, changes);
  const text = Buffer.from(after.octets).toString();
  expect([text, `${fields}From: a@shared.example\r\n`, 'From: a@shared.example\r\n']).toContain(text);
  return text !== 'From: a@shared.example\r\n';
};
const dkim = (tags: string) => `DKIM-Signature: v=1; a=rsa-sha256; ${tags}; bh=AAAA;\r\n b=BBBB\r\n`;

describe('a DKIM signature is removed', () => {
  test.each([
    ['of a tenant, over a field that was changed', dkim('d=tenant1.example; h=To:From:Subject')],
    ['of a tenant’s onmicrosoft.com domain', dkim('d=Contoso.onmicrosoft.com; h=from')],
    ['with folds in its tags', dkim('d = tenant1.\r\n example;\r\n h=To :\r\n\t From : Date')],
    ['with its domain in capitals', dkim('d=TENANT1.EXAMPLE; h=From')],
    ['with its domain as A-labels', dkim('d=xn--bcher-kva.example; h=From')],
    ['that names the field more than once', dkim('d=tenant1.example; h=from:from')],
  ])('%s', (_title, field) => {
    expect(isKept(field)).toBe(false);
  });

  test('over the body, when that was changed', () => {
    expect(isKept(dkim('d=tenant1.example; h=To'), { changedFields: new Set(), bodyChanged: true })).toBe(false);
  });
});

describe('a DKIM signature is kept', () => {
  test.each([
    ['of a bank, broken or not', dkim('d=bank.example; h=From')],
    ['of a domain below a tenant’s', dkim('d=mail.tenant1.example; h=From')],
    ['of the domain above a tenant’s', dkim('d=example; h=From')],
    ['of onmicrosoft.com itself', dkim('d=onmicrosoft.com; h=From')],
    ['of a domain that only ends alike', dkim('d=xonmicrosoft.com; h=From')],
    ['over fields that were not changed', dkim('d=tenant1.example; h=To:Subject:X-From')],
    ['without a domain', dkim('s=x; h=From')],
    ['without a list of fields', dkim('d=tenant1.example')],
  ])('%s', (_title, field) => {
    expect(isKept(field)).toBe(true);
  });
});

describe('an ARC set', () => {
  const set =
    'ARC-Seal: i=1; d=microsoft.com\r\nARC-Message-Signature: i=1;\r\n h=From\r\nARC-Authentication-Results: i=1; x\r\n';
  test('goes when anything was changed', () => {
    expect(isKept(set)).toBe(false);
  });

  test('and every signature stays when nothing was', () => {
    const header = headerOf(`${set}${dkim('d=tenant1.example; h=From')}`);
    const after = removeBrokenSignatures(header, TENANTS, { changedFields: new Set(), bodyChanged: false });
    expect(after).toBe(header);
  });
});
