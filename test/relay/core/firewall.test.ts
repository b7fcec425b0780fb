import { describe, expect, test } from 'vitest';
import { stripInbound, stripOutbound } from '../../../relay/core/firewall.ts';
import { parseHeader } from '../../../relay/core/header.ts';

const OURS = new Set(['relay.shared.example']);
const headerOf = (text: string) => parseHeader(Buffer.from(text));
const strip = (text: string) => Buffer.from(stripInbound(headerOf(text), OURS).header.octets).toString();

describe('removed, whoever sends it', () => {
  test.each([
    'X-MS-Exchange-Organization-SCL: -1\r\n',
    'x-ms-exchange-organization-authas:Internal\r\n',
    'X-MS-Exchange-Forest-RulesExecuted: x\r\n',
    'X-MS-Exchange-CrossPremises-AuthAs: Internal\r\n',
    'X-MS-Exchange-CrossTenant-Id: x\r\n',
    'X-MS-Exchange-CrossTenant-Id :\r\n\tx\r\n y\r\n',
    'X-MS-Exchange-Transport-CrossTenantHeadersStamped: x\r\n',
    'X-MS-Exchange-Transport-CrossTenantHeadersStripped: x\r\n',
    'X-OriginatorOrg: tenant1.example\r\n',
    'X-MS-Exchange-ExternalOriginalInternetSender: ip=[192.0.2.1]\r\n',
    'X-MS-Exchange-SkipListedInternetSender: ip=[192.0.2.1]\r\n',
    'X-EOPAttributedMessage: 0\r\n',
    'X-EOPTenantAttributedMessage: x:0\r\n',
    'X-Forefront-Antispam-Report: SFV:SKN\r\n',
    'X-Forefront-Antispam-Report-Untrusted: x\r\n',
    'X-Microsoft-Antispam: BCL:0;\r\n',
    'X-Microsoft-Antispam-Message-Info: x\r\n',
    'Authentication-Results: relay.shared.example; spf=pass\r\n',
    'authentication-results:\r\n (comment) (a (b)) RELAY.shared.example 1; dkim=pass\r\n',
    'Authentication-Results: "relay.shared.example"; dkim=pass\r\n',
    'Authentication-Results: relay.shared.example.; none\r\n',
  ])('%j', (field) => {
    expect(strip(`Subject: a\r\n${field}To: b\r\n${field}`)).toBe('Subject: a\r\nTo: b\r\n');
  });
});

describe('kept', () => {
  test.each([
    'X-MS-Exchange-SenderADCheck: 1\r\n',
    'X-MS-Exchange-AntiSpam-MessageData-0: x\r\n',
    'X-MS-Exchange-Organization: x\r\n',
    'X-MS-Has-Attach:\r\n',
    'X-OriginatorOrgX: x\r\n',
    'XX-OriginatorOrg: x\r\n',
    'X-EOP-Direct: x\r\n',
    'X-Originating-IP: [192.0.2.1]\r\n',
    'Authentication-Results: mx.world.example; spf=pass (relay.shared.example)\r\n',
    'Authentication-Results: relay.shared.example.org; spf=pass\r\n',
    'Authentication-Results: (relay.shared.example) other; none\r\n',
    'Authentication-Results:\r\n',
    'ARC-Authentication-Results: i=1; relay.shared.example; spf=pass\r\n',
    'Subject: X-OriginatorOrg: x\r\n X-OriginatorOrg: y\r\n',
  ])('%j', (field) => {
    const header = headerOf(field);
    const stripped = stripInbound(header, OURS);
    expect(stripped.header).toBe(header);
    expect(stripped.removed.size).toBe(0);
  });
});

test('what was removed is named, for signatures that covered it', () => {
  const { removed } = stripInbound(headerOf('X-OriginatorOrg: a\r\nX-Microsoft-Antispam: b\r\nTo: c\r\n'), OURS);
  expect([...removed]).toEqual(['x-originatororg', 'x-microsoft-antispam']);
});

test('towards the world the shared domain may turn it off', () => {
  const header = headerOf('X-OriginatorOrg: a\r\nTo: b\r\n');
  expect(stripOutbound(header, 'None', OURS).header).toBe(header);
  expect(Buffer.from(stripOutbound(header, 'Default', OURS).header.octets).toString()).toBe('To: b\r\n');
});
