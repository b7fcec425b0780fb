/** A delivery report read by another program: Python's email package finds its parts and every field of every recipient. */

import { expect, it } from 'vitest';
import { formatDeliveryReport } from '../../../relay/core/dsn.ts';
import { reply } from '../../../relay/core/reply.ts';
import { runOrThrow } from '../../support/child-process.ts';
import { ensurePackages } from '../../support/debian.ts';

const SCRIPT = `
import email, email.policy, json, sys
message = email.message_from_bytes(sys.stdin.buffer.read(), policy=email.policy.default)
text, status, header = message.iter_parts()
print(json.dumps({
  'defects': [str(defect) for part in message.walk() for defect in part.defects],
  'type': message.get_content_type(),
  'report': message.get_param('report-type'),
  'to': str(message['To']),
  'groups': [dict(group.items()) for group in status.get_payload()],
  'text': text.get_content(),
  'header': header.get_content() if header.get_content_maintype() == 'text' else None,
}))
`;

it.each([
  ['ASCII', 'Subject: Hello\r\n'],
  ['UTF-8', 'Subject: größe\r\n'],
])('of a message whose header is %s', async (_name, originalHeader) => {
  ensurePackages(['python3']);
  const { headerSection, body } = formatDeliveryReport({
    hostname: 'relay.shared.example',
    queueId: '01ABC00001.0',
    sender: 'john@tenant1.example',
    failed: [
      { address: 'gone@world.example', reply: reply(550, '5.1.1', 'no such\nuser: größe') },
      { address: '"a;b (c)"@world.example', reply: reply(554, undefined, 'never again') },
    ],
    originalHeader: Buffer.from(originalHeader),
    date: new Date(Date.UTC(2026, 10, 22, 7, 30)),
  });
  const input = Buffer.concat([headerSection, Buffer.from('\r\n'), body]);
  const read = JSON.parse(await runOrThrow('/usr/bin/python3', ['-c', SCRIPT], { input }));
  expect(read).toMatchObject({
    defects: [],
    type: 'multipart/report',
    report: 'delivery-status',
    to: 'john@tenant1.example',
    groups: [
      { 'Reporting-MTA': 'dns; relay.shared.example' },
      { 'Final-Recipient': 'rfc822; gone@world.example', Action: 'failed', Status: '5.1.1' },
      { 'Final-Recipient': 'rfc822; "a;b (c)"@world.example', Action: 'failed', Status: '5.0.0' },
    ],
  });
  expect(read.text).toContain('550 5.1.1 no such user: größe');
  expect(read.header.trim()).toBe(originalHeader.trim());
});
