/** The sending side with one tenant's next hop, messages for it, and the steps of a claim as tests say them. */

import { onTestFinished } from 'vitest';
import type { NextHopConfig } from '../../../relay/core/config.ts';
import type { Claim, Refusal, StepResult, Target } from '../../../relay/core/delivery.ts';
import type { MailParameters } from '../../../relay/core/envelope.ts';
import type { MessageContent } from '../../../relay/core/message.ts';
import { formatReply } from '../../../relay/core/reply.ts';
import type { Durations } from '../../../relay/next-hop/durations.ts';
import { createNextHops, type SendingSide } from '../../../relay/next-hop/next-hops.ts';
import { nextHop, relayConfig, tenantRoute } from '../../support/relay-config.ts';
import { type Script, type ScriptedPeer, startPeer } from './scripted-peer.ts';

export const TENANT: Target = { kind: 'TenantRoute', name: 'tenant1' };

export async function peer(...scripts: readonly Script[]): Promise<ScriptedPeer> {
  const started = await startPeer(...scripts);
  onTestFinished(() => started.stop());
  return started;
}

export function tenantHop(port: number, over: Partial<NextHopConfig> = {}): NextHopConfig {
  return nextHop({ hosts: [{ host: '127.0.0.1', port }], ...over });
}

export interface SendingOptions {
  readonly hop: NextHopConfig;
  readonly durations?: Partial<Durations>;
  readonly credentials?: Readonly<Record<string, string>>;
  readonly generation?: string;
}

export function configFor(options: Pick<SendingOptions, 'hop' | 'generation'>) {
  const { hop, generation = '1' } = options;
  return relayConfig({ tenantRoutes: [tenantRoute('tenant1', { generation, nextHop: hop })] });
}

export function sending(options: SendingOptions): SendingSide {
  const nextHops = createNextHops({
    config: configFor(options),
    credentials: new Map(Object.entries(options.credentials ?? {})),
    ...(options.durations === undefined ? {} : { durations: options.durations }),
  });
  onTestFinished(() => nextHops.close());
  return nextHops;
}

/** A sending side for one scripted peer. */
export function sendingTo(to: ScriptedPeer, durations: Partial<Durations> = {}, over: Partial<NextHopConfig> = {}) {
  return sending({ hop: tenantHop(to.port, over), durations });
}

export function claimOf(nextHops: SendingSide, parameters: MailParameters = {}, reversePath = 'a@b.example'): Claim {
  return nextHops.claim({ target: TENANT, reversePath, parameters });
}

export interface ContentOptions {
  readonly header?: string;
  /** Pieces of a body in a file; their end is the body's end. */
  readonly pieces?: readonly string[];
  /** What the body says its size is, where it lies. */
  readonly size?: number;
  readonly header8bit?: boolean;
  readonly body8bit?: boolean;
}

export function message(body = 'Hello\r\n', options: ContentOptions = {}): MessageContent {
  const pieces = (options.pieces ?? [body]).map((piece) => Buffer.from(piece, 'latin1'));
  const whole = Buffer.concat(pieces);
  return {
    headerSection: Buffer.from(options.header ?? 'Subject: x\r\n', 'latin1'),
    hasSeparator: true,
    header8bit: options.header8bit ?? false,
    body8bit: options.body8bit ?? false,
    body: {
      size: options.size ?? whole.length,
      memory: options.pieces === undefined ? [whole] : undefined,
      digest: () => Buffer.alloc(32),
      relaxedHash: async () => Buffer.alloc(32),
      async *chunks() {
        yield* pieces;
      },
    },
  };
}

export function soon(milliseconds = 20_000): number {
  return performance.now() + milliseconds;
}

/** `250 2.1.5 ok`, or `rcpt: 550 5.1.1 no such user` for a refusal. */
export function told(result: StepResult): string {
  return result.ok ? formatReply(result.reply) : toldRefusal(result.refusal);
}

function toldRefusal({ stage, reply, verdict }: Refusal): string {
  const decided = verdict === undefined ? '' : ` => ${formatReply(verdict)}`;
  return `${stage}: ${reply === undefined ? 'nothing' : formatReply(reply)}${decided}`;
}

/** The whole way of one message. */
export async function sendOne(
  nextHops: SendingSide,
  to = 'john@tenant1.example',
  content = message(),
): Promise<string> {
  const claim = claimOf(nextHops);
  const asked = await claim.recipient(to);
  if (!asked.ok) {
    claim.release();
    return told(asked);
  }
  return told(await claim.deliver(content, soon()));
}
