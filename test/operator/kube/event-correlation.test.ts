/** What becomes of events that are like others. */

import { expect, test } from 'vitest';
import { EventCorrelation, type EventNews } from '../../../operator/kube/event-correlation.ts';

const MINUTE = 60_000;
const about = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'mail', name: 'x', uid: 'u' };
const news = (note: string, more: Partial<EventNews> = {}): EventNews => ({
  about,
  type: 'Normal',
  reason: 'Tested',
  note,
  ...more,
});

/** `note ×count` of each, or `dropped`. */
function play(correlation: EventCorrelation, all: readonly EventNews[], now = 0, every = 0): string[] {
  return all.map((each, index) => {
    const found = correlation.take(each, now + index * every, 0);
    return found === 'dropped' ? found : `${found.note} ×${found.told.count}`;
  });
}

test('the same event is counted up, another one is not', () => {
  const all = [
    news('a'),
    news('a'),
    news('b'),
    news('a'),
    news('a', { type: 'Warning' }),
    news('a', { reason: 'Other' }),
  ];
  expect(play(new EventCorrelation(), all)).toEqual(['a ×1', 'a ×2', 'b ×1', 'a ×3', 'a ×1', 'a ×1']);
});

test('the eleventh similar within ten minutes, and those after it, are combined; the ten go on counting', () => {
  const correlation = new EventCorrelation();
  const all = Array.from({ length: 13 }, (_, index) => news(`${index}`));
  const played = play(correlation, all);
  expect(played.slice(0, 10)).toEqual(Array.from({ length: 10 }, (_, index) => `${index} ×1`));
  const combined = '(combined from similar events): ';
  expect(played.slice(10)).toEqual([`${combined}10 ×1`, `${combined}11 ×2`, `${combined}12 ×3`]);
  expect(play(correlation, [news('3'), news('11')])).toEqual(['3 ×2', `${combined}11 ×4`]);
});

test('ten quiet minutes end the combining', () => {
  const correlation = new EventCorrelation();
  play(
    correlation,
    Array.from({ length: 12 }, (_, index) => news(`${index}`)),
  );
  expect(play(correlation, [news('fresh')], 10 * MINUTE + 1)).toEqual(['fresh ×1']);
});

test('an object has 25 events at once and one every five minutes; others have theirs', () => {
  const correlation = new EventCorrelation();
  const same = Array.from({ length: 30 }, () => news('again'));
  const played = play(correlation, same);
  expect(played.slice(0, 25).at(-1)).toBe('again ×25');
  expect(played.slice(25)).toEqual(Array.from({ length: 5 }, () => 'dropped'));
  expect(play(correlation, [news('again', { about: { ...about, name: 'y' } })])).toEqual(['again ×1']);
  expect(play(correlation, [news('again')], 5 * MINUTE - 1)).toEqual(['dropped']);
  // What was dropped has been counted.
  expect(play(correlation, [news('again'), news('again')], 5 * MINUTE)).toEqual(['again ×32', 'dropped']);
});

test('a note has at most 1,024 bytes and no half characters', () => {
  for (const character of ['x', 'ä', '€', '😀']) {
    const found = new EventCorrelation().take(news(character.repeat(2000)), 0, 0);
    const note = found === 'dropped' ? '' : found.note;
    const bytes = Buffer.byteLength(note);
    expect(bytes).toBeLessThanOrEqual(1024);
    expect(bytes).toBeGreaterThan(1024 - 8);
    expect(note).toMatch(new RegExp(`^(${character})+…$`, 'u'));
  }
  const whole = new EventCorrelation().take(news('x'.repeat(1024)), 0, 0);
  expect(whole === 'dropped' ? '' : whole.note).toBe('x'.repeat(1024));
});
