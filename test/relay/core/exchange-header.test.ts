import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { stripInbound } from '../../../relay/core/firewall.ts';
import { parseHeader } from '../../../relay/core/header.ts';
import { rewriteOutboundHeader } from '../../../relay/core/rewrite-header.ts';
import { buildRuleIndex } from '../../../relay/core/rule-index.ts';
import { removeBrokenSignatures } from '../../../relay/core/signatures.ts';
import { relayConfig } from '../../support/relay-config.ts';

const CASES = 'test/cases/rewrite';
const wire = (file: string) => Buffer.from(readFileSync(`${CASES}/${file}`, 'utf8').replaceAll('\n', '\r\n'));
const { rewriteRules } = parse(readFileSync(`${CASES}/rules.yaml`, 'utf8'));

test('the header that Exchange Online sends leaves as it must, octet for octet', () => {
  const { header, removed } = stripInbound(parseHeader(wire('exchange.in.eml')), new Set(['relay.shared.example']));
  const scope = { sharedDomains: new Set(['shared.example']), recipientDomain: 'partner.example' };
  const rewritten = rewriteOutboundHeader(header, buildRuleIndex(relayConfig({ rewriteRules })), scope);
  if (!rewritten.ok) throw new Error(rewritten.reason);
  const changedFields = new Set([...removed, ...rewritten.changedFields]);
  const out = removeBrokenSignatures(rewritten.header, new Set(['tenant1.example']), {
    changedFields,
    bodyChanged: false,
  });
  expect(Buffer.from(out.octets).toString()).toBe(wire('exchange.out.eml').toString());
  expect(parseHeader(out.octets).fields).toEqual(out.fields);
});
