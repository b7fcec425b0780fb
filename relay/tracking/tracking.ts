/** Message tracking and the relay's own log as JSON lines on one stream: who sent what to whom, and what became of it. */

import { type DestinationStream, type Logger, pino } from 'pino';

/** What happened, by the names of Exchange's message tracking log, so that an Exchange admin can read it (docs/tracking.md). */
export const TRACKING_EVENTS = [
  /** A client's message came in whole. */
  'RECEIVE',
  /** A shared address became a tenant address. */
  'RESOLVE',
  /** A recipient goes elsewhere by setting: postmaster, abuse, unresolvedRecipients. */
  'REDIRECT',
  /** What a rule in Audit mode would have changed. */
  'AGENTINFO',
  /** A next hop took the message. */
  'SEND',
  /** The client was asked to try again (4xx). */
  'DEFER',
  /** A recipient or message was refused for good (5xx). */
  'FAIL',
  /** The sender was told of recipients that were refused for good after the message had been taken for them. */
  'DSN',
  /** The client left before its final dot; nothing was kept. */
  'DROP',
  /** A retry was answered from memory, its message having been delivered before. */
  'DUPLICATEDELIVER',
  /** A limit refused a client. */
  'THROTTLE',
] as const;
export type TrackingEventName = (typeof TRACKING_EVENTS)[number];

/** One line. Every field but the name is optional: what is not known, or not of this event, is left out of the line. */
export interface TrackingEvent {
  readonly event: TrackingEventName;
  /** The transaction: the same in every line of it, in our Received field and in our replies. */
  readonly queueId?: string | undefined;
  /** Message-ID as it came, with its angle brackets. */
  readonly messageId?: string | undefined;
  /** Reverse-path as the client gave it, and as it goes out; empty for the null reverse-path. */
  readonly originalSender?: string | undefined;
  readonly sender?: string | undefined;
  /** Forward-paths as the client gave them, and as they go out, in the same order. */
  readonly originalRecipients?: readonly string[] | undefined;
  readonly recipients?: readonly string[] | undefined;
  /** TenantRoute the client was recognised as; left out for the internet. */
  readonly clientTenant?: string | undefined;
  /** TenantRoute of the recipients; left out for the internet. */
  readonly recipientTenant?: string | undefined;
  /** RewriteRule that decided. */
  readonly rule?: string | undefined;
  readonly clientAddress?: string | undefined;
  readonly clientHelo?: string | undefined;
  /** `TLSv1.3 TLS_AES_256_GCM_SHA384`, see core/tls-text.ts; left out without TLS. */
  readonly clientTls?: string | undefined;
  readonly nextHopHost?: string | undefined;
  readonly nextHopAddress?: string | undefined;
  readonly nextHopTls?: string | undefined;
  /** What the next hop said, whole, as formatReply() writes it. */
  readonly nextHopReply?: string | undefined;
  /** What the client heard. */
  readonly reply?: string | undefined;
  /** Why, for whoever runs the relay; never shown to a peer. */
  readonly cause?: string | undefined;
  /** Milliseconds this step took. */
  readonly latencyMs?: number | undefined;
  /** Octets of the message. */
  readonly size?: number | undefined;
}

export interface Tracking {
  event(event: TrackingEvent): void;
}

/** Fields of a log line. `error` is written with message, stack and cause. */
export interface LogFields {
  readonly error?: unknown;
  readonly [name: string]: unknown;
}

/** The relay's own log: what an operator should know that is not about one message. */
export interface Log {
  info(text: string, fields?: LogFields): void;
  warn(text: string, fields?: LogFields): void;
  error(text: string, fields?: LogFields): void;
}

export const LOG_LEVELS = ['info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface LineOptions {
  /** A file descriptor (1: standard output) or anything with write(). */
  readonly destination: number | DestinationStream;
  /** Least level of log lines that are written; tracking is always written. */
  readonly level?: LogLevel;
  /** Called for every line that could not be written: the reader is gone, stalled for too long, or the disk is full. */
  readonly onLost?: () => void;
}

export interface Lines {
  readonly tracking: Tracking;
  readonly log: Log;
  /** Everything given so far has been handed to the operating system. */
  flush(): Promise<void>;
}

/** Linux writes up to PIPE_BUF octets to a pipe in one piece: several worker processes may share one standard output. */
const PIPE_BUF = 4096;
/** What may wait for a reader that stalls, about 150,000 lines; then lines are lost and counted rather than mail delayed. */
const MAX_WAITING_OCTETS = 64 * 1024 * 1024;

/** Lines of log have `msg`, lines of tracking have `event`; all have `level` and `time`. */
export function openLines(options: LineOptions): Lines {
  const { onLost = () => {} } = options;
  const stream =
    typeof options.destination === 'number' ? openDescriptor(options.destination, onLost) : options.destination;
  const root = pino(
    {
      base: null,
      timestamp: isoTime(),
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: pino.stdSerializers.errWithCause },
    },
    stream,
  );
  return {
    tracking: { event: (event) => root.info(event) },
    log: createLog(root.child({}, { level: options.level ?? 'info' })),
    flush: async () => {
      if (!('flush' in stream) || typeof stream.flush !== 'function') return;
      const { promise, resolve } = Promise.withResolvers<void>();
      stream.flush(() => resolve());
      await promise;
    },
  };
}

/** Made once a millisecond, in which a busy relay writes a dozen lines. */
function isoTime(): () => string {
  let at = 0;
  let text = '';
  return () => {
    const now = Date.now();
    if (now !== at) text = `,"time":"${new Date(now).toISOString()}"`;
    at = now;
    return text;
  };
}

/** Writes in the background and gathers what comes meanwhile; pino flushes the rest when the process exits. */
function openDescriptor(fd: number, onLost: () => void): DestinationStream {
  const stream = pino.destination({
    dest: fd,
    sync: false,
    // Written at once, or as soon as the write before it is done; at 0 sonic-boom's flush() would not wait.
    minLength: 1,
    maxWrite: PIPE_BUF,
    maxLength: MAX_WAITING_OCTETS,
  });
  // A full disk or a log reader that went away must not end a relay: without a listener the error would be thrown.
  stream.on('error', onLost);
  stream.on('drop', onLost);
  return stream;
}

function createLog(logger: Logger): Log {
  const writer = (level: LogLevel) => (text: string, fields?: LogFields) => logger[level](fields ?? {}, text);
  return { info: writer('info'), warn: writer('warn'), error: writer('error') };
}
