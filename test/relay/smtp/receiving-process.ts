/** A front that receives messages and throws them away, as a process of its own: `receiving-process.ts SPOOL_FOLDER`. Says its port first, its peak memory at SIGTERM. */

import type { ReceivedMessage } from '../../../relay/core/message.ts';
import { reply } from '../../../relay/core/reply.ts';
import { startFront } from '../../../relay/smtp/front.ts';
import { receiveMessage } from '../../../relay/smtp/receive.ts';
import type { SmtpSession } from '../../../relay/smtp/session.ts';
import { LIMITS } from './recording-sessions.ts';

const folder = process.argv[2] ?? '';
const limits = { ...LIMITS, messageBytes: 1e9, connectionsPerClient: 1000, connections: 1000 };

const session: SmtpSession = {
  mail: () => reply(250, '2.1.0', 'OK'),
  recipient: () => reply(250, '2.1.5', 'OK'),
  data: async (content) => {
    const received = await receiveMessage(content, { limits, spool: { folder } });
    if (!received.ok) return received.reply;
    const octets = await countAndDispose(received.message);
    return reply(250, '2.0.0', `Took ${octets} octets`);
  },
  reset: () => undefined,
  closed: () => undefined,
};

async function countAndDispose(message: ReceivedMessage): Promise<number> {
  let octets = 0;
  for await (const chunk of message.body.chunks()) octets += chunk.length;
  message.dispose();
  return octets;
}

const front = await startFront({
  listen: [{ host: '127.0.0.1', port: 0 }],
  sessions: { open: () => session, wantsCertificate: () => false },
  hostname: () => 'relay.example',
  limits: () => limits,
});
process.stdout.write(`listening on ${front.addresses[0]?.port}\n`);
process.once('SIGTERM', () => {
  process.stdout.write(`peak ${process.resourceUsage().maxRSS} KiB\n`);
  process.exit();
});
