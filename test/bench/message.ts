/** The messages of the benchmark: who writes to whom, as the load client sends it and as the sink expects it. */

/** As many as a large shared domain has. */
export const USERS = 50_000;

export type Direction = 'out' | 'in';

/** Where they connect from: tenant 1's mail system, and somebody on the internet. On Linux all of 127.0.0.0/8 is this machine. */
export const CLIENTS: Readonly<Record<Direction, string>> = { out: '127.0.0.1', in: '127.0.0.3' };

export interface Envelope {
  readonly reversePath: string;
  readonly forwardPath: string;
}

const userName = (user: number) => `u${String(user).padStart(5, '0')}`;
export const tenantAddress = (user: number) => `${userName(user)}.smith@tenant1.example`;
export const sharedAddress = (user: number) => `sam.${userName(user)}@shared.example`;

const OUTSIDE = 'anna.berg@world.example';
// A prime apart, so that neighbouring messages are not neighbouring users.
const userOf = (number: number) => (number * 7919) % USERS;

/** How message `number` enters a relay: from a tenant's user to the world, or from the world to a shared address. */
export function sentEnvelope(number: number, direction: Direction): Envelope {
  const user = userOf(number);
  if (direction === 'out') return { reversePath: tenantAddress(user), forwardPath: OUTSIDE };
  return { reversePath: OUTSIDE, forwardPath: sharedAddress(user) };
}

/** How it leaves a relay that rewrites. */
export function rewrittenEnvelope(number: number, direction: Direction): Envelope {
  const user = userOf(number);
  if (direction === 'out') return { reversePath: sharedAddress(user), forwardPath: OUTSIDE };
  return { reversePath: OUTSIDE, forwardPath: tenantAddress(user) };
}

// What Exchange Online puts before a message of two lines: 2.7 KB, most of it for its own use.
const EXCHANGE_FIELDS = `ARC-Seal: i=1; a=rsa-sha256; s=arcselector10001; d=microsoft.com; cv=none;
 b=${'Kd8sQz0y7mEoXyJv'.repeat(21)}
ARC-Message-Signature: i=1; a=rsa-sha256; c=relaxed/relaxed; d=microsoft.com;
 s=arcselector10001; h=From:Date:Subject:Message-ID:Content-Type:MIME-Version:
 X-MS-Exchange-AntiSpam-MessageData-ChunkCount; bh=frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY=;
 b=${'w3Rt9bVhLq5cNxUa'.repeat(21)}
ARC-Authentication-Results: i=1; mx.microsoft.com 1; spf=pass smtp.mailfrom=tenant1.example;
 dmarc=pass action=none header.from=tenant1.example; dkim=pass header.d=tenant1.example; arc=none
Received: from AM9PR01MB7301.eurprd01.prod.exchangelabs.com (2603:10a6:20b:2c4::11)
 by DB9PR01MB8921.eurprd01.prod.exchangelabs.com (2603:10a6:10:2a5::21) with Microsoft SMTP Server
 (version=TLS1_2, cipher=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384) id 15.20.9052.14; Sun, 22 Nov 2026 06:11:02 +0000
Received: from AM9PR01MB7301.eurprd01.prod.exchangelabs.com ([fe80::3c1f:77a1:52b8:9e04])
 by AM9PR01MB7301.eurprd01.prod.exchangelabs.com ([fe80::3c1f:77a1:52b8:9e04%5]) with mapi id 15.20.9052.013;
 Sun, 22 Nov 2026 06:11:01 +0000
Thread-Topic: Minutes of the meeting
Thread-Index: AQHbPNGVcWm0x7vX5kqJr3y8H4nOZw==
Accept-Language: en-GB, en-US
Content-Language: en-GB
X-MS-Has-Attach:
X-MS-TNEF-Correlator:
x-ms-publictraffictype: Email
x-ms-traffictypediagnostic: AM9PR01MB7301:EE_|DB9PR01MB8921:EE_
x-ms-office365-filtering-correlation-id: 6a0d3e51-6a44-4a35-4c1a-08de29a9f9c1
x-ms-exchange-senderadcheck: 1
x-ms-exchange-antispam-relay: 0
X-Forefront-Antispam-Report: CIP:255.255.255.255;CTRY:;LANG:en;SCL:1;SRV:;IPV:NLI;SFV:NSPM;PTR:;CAT:NONE;DIR:OUT;
X-MS-Exchange-CrossTenant-AuthAs: Internal
X-MS-Exchange-CrossTenant-AuthSource: AM9PR01MB7301.eurprd01.prod.exchangelabs.com
X-MS-Exchange-CrossTenant-Network-Message-Id: 6a0d3e51-6a44-4a35-4c1a-08de29a9f9c1
X-MS-Exchange-CrossTenant-OriginalArrivalTime: 22 Nov 2026 06:11:01.8722 (UTC)
X-MS-Exchange-CrossTenant-FromEntityHeader: Hosted
X-MS-Exchange-CrossTenant-Id: 72f988bf-86f1-41af-91ab-2d7cd011db47
X-MS-Exchange-Transport-CrossTenantHeadersStamped: DB9PR01MB8921
X-OriginatorOrg: tenant1.example
Content-Type: text/plain; charset="us-ascii"
Content-Transfer-Encoding: 7bit
MIME-Version: 1.0
`.replaceAll('\n', '\r\n');

/** First line of every body, of fixed length: the number makes a lost and a doubled message visible. */
const firstLine = (number: number, direction: Direction) =>
  `Message ${String(number).padStart(8, '0')} of the benchmark, ${direction.padEnd(3)}\r\n`;

export const FIRST_LINE_LENGTH = firstLine(0, 'in').length;

export function readFirstLine(line: string): { number: number; direction: Direction } | undefined {
  const match = /^Message (\d{8}) of the benchmark, (out|in) ?\r\n$/.exec(line);
  return match === null ? undefined : { number: Number(match[1]), direction: match[2] as Direction };
}

const header = (number: number, { reversePath, forwardPath }: Envelope) =>
  `${EXCHANGE_FIELDS}From: "Smith, Sam" <${reversePath}>\r\nTo: "Berg, Anna" <${forwardPath}>\r\n` +
  `Subject: Minutes of the meeting\r\nDate: Sun, 22 Nov 2026 06:11:01 +0000\r\n` +
  `Message-ID: <AM9PR01MB7301${String(number).padStart(8, '0')}@AM9PR01MB7301.eurprd01.prod.exchangelabs.com>\r\n\r\n`;

const HEADER_LENGTH = header(0, sentEnvelope(0, 'out')).length;

/** What follows the first line, the final dot included: the same for every message of a size, doubled dots and all. */
export function bodyTail(size: number): string {
  const wanted = size - HEADER_LENGTH - FIRST_LINE_LENGTH;
  // One line that begins with a dot in twenty: more than people write, enough to show a relay that loses them.
  const text = 'It was agreed that the minutes of the meeting are sent to everybody.......\r\n';
  const lines = Array.from({ length: Math.max(1, Math.floor(wanted / text.length)) }, (_, index) =>
    index % 20 === 7 ? `..${text.slice(2)}` : text,
  );
  return `${lines.join('')}.\r\n`;
}

/** Everything between the reply to DATA and the reply to the dot; all ASCII. */
export const content = (number: number, direction: Direction, tail: string): string =>
  header(number, sentEnvelope(number, direction)) + firstLine(number, direction) + tail;
