/** Text for a terminal: colours only where there is one, and nothing in it that could steer it. */

import { styleText } from 'node:util';

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow';

/** Control characters, and those that turn the direction of writing: a text of others must not steer a terminal. */
const UNPRINTABLE = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

export function plain(text: string): string {
  return text.replace(UNPRINTABLE, '\ufffd');
}

/** Colours only where standard output is a terminal, and as NO_COLOR and FORCE_COLOR say. */
export function styled(style: Style, text: string): string {
  return styleText(style, plain(text), { stream: process.stdout });
}
