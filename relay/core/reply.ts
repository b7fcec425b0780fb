/** An SMTP reply as a value (RFC 5321 §4.2, RFC 3463): what a peer said, or what we are going to say. */

export interface Reply {
  /** 200 to 599. */
  readonly code: number;
  /** `2.1.5`; undefined when the peer sent none. */
  readonly enhancedStatus?: string | undefined;
  /** Without code and enhanced status; lines of a multi-line reply joined by `\n`. */
  readonly text: string;
}

export type ReplyClass = 'success' | 'intermediate' | 'transient' | 'permanent';

export function reply(code: number, enhancedStatus: string | undefined, text: string): Reply {
  return { code, enhancedStatus, text };
}

/** RFC 5321 §4.2.1: the first digit decides. Anything that is no SMTP reply at all counts as transient. */
export function replyClass(value: Reply): ReplyClass {
  if (value.code >= 200 && value.code < 300) return 'success';
  if (value.code >= 300 && value.code < 400) return 'intermediate';
  if (value.code >= 500 && value.code < 600) return 'permanent';
  return 'transient';
}

export function isSuccess(value: Reply): boolean {
  return replyClass(value) === 'success';
}

/** `250 2.1.5 OK`, one line, for logs and tracking. */
export function formatReply(value: Reply): string {
  const status = value.enhancedStatus === undefined ? '' : `${value.enhancedStatus} `;
  return `${value.code} ${status}${value.text.replaceAll('\n', ' | ')}`;
}
