import { describe, expect, test } from 'vitest';
import { IncomingContent } from '../../../relay/smtp/incoming-content.ts';
import { LIMITS } from './recording-sessions.ts';

const ignore = (): void => undefined;

function incoming(): IncomingContent {
  return new IncomingContent({ ...LIMITS, commandTimeoutSeconds: 10, minimumBytesPerSecond: 1000 }, 0, ignore);
}

describe('content is too slow', () => {
  test('when its octets do not pay for the time beyond the first grace', () => {
    const content = incoming();
    content.stream.resume();
    content.part(Buffer.alloc(5000), ignore);
    expect(content.isTooSlow(15_000, 1000)).toBe(false);
    expect(content.isTooSlow(15_001, 1000)).toBe(true);
  });

  test('but not for the time in which its reader was behind', () => {
    const content = incoming();
    content.part(Buffer.alloc(100_000), ignore);
    expect(content.stream.isBehind).toBe(true);
    expect(content.isTooSlow(110_001, 3000)).toBe(false);
    content.stream.destroy();
    expect(content.stream.isBehind).toBe(false);
    expect(content.isTooSlow(113_000, 1000)).toBe(false);
    expect(content.isTooSlow(113_001, 1000)).toBe(true);
  });

  test('never after its final dot', () => {
    const content = incoming();
    content.finalDot();
    expect(content.isTooSlow(1e9, 1000)).toBe(false);
  });
});
