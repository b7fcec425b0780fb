/** What becomes of an event that is like others: counted up, combined, or dropped; client-go's numbers, pure. */

import { LruMap } from './lru-map.ts';

export interface EventAbout {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
}

export interface EventNews {
  readonly about: EventAbout;
  readonly type: 'Normal' | 'Warning';
  /** CamelCase, one of few. */
  readonly reason: string;
  readonly note: string;
}

/** What is known of an event that has been told. The sender fills in its name. */
export interface ToldEvent {
  count: number;
  readonly firstWallMs: number;
  name: string | undefined;
}

export type Correlated = { readonly note: string; readonly told: ToldEvent } | 'dropped';

const REMEMBERED = 4096;
const SIMILAR = 10;
const SIMILAR_WITHIN_MS = 600_000;
const BURST = 25;
const MS_PER_EVENT = 300_000;
/** The longest note that events.k8s.io accepts, in bytes: the same event is read through both APIs. */
const LONGEST_NOTE = 1024;
const CUT = '…';
const COMBINED = '(combined from similar events): ';

interface Similar {
  readonly notes: Set<string>;
  lastMs: number;
}

interface Allowance {
  tokens: number;
  at: number;
}

export class EventCorrelation {
  readonly #similar = new LruMap<Similar>(REMEMBERED);
  readonly #told = new LruMap<ToldEvent>(REMEMBERED);
  readonly #allowances = new LruMap<Allowance>(REMEMBERED);

  /** `now` never goes back; `wallMs` is written. */
  take(news: EventNews, now: number, wallMs: number): Correlated {
    const { apiVersion, kind, namespace, name, uid } = news.about;
    const object = JSON.stringify([apiVersion, kind, namespace, name, uid]);
    const group = JSON.stringify([object, news.type, news.reason]);
    const isCombined = this.#isOneOfMany(group, news.note, now);
    const note = cut(isCombined ? `${COMBINED}${news.note}` : news.note);
    const key = isCombined ? group : JSON.stringify([group, note]);
    const told = this.#told.get(key, () => ({ count: 0, firstWallMs: wallMs, name: undefined }));
    told.count++;
    return this.#isAllowed(object, now) ? { note, told } : 'dropped';
  }

  #isOneOfMany(group: string, note: string, now: number): boolean {
    const fresh = (): Similar => ({ notes: new Set(), lastMs: now });
    const similar = this.#similar.get(group, fresh);
    if (now - similar.lastMs > SIMILAR_WITHIN_MS) similar.notes.clear();
    similar.lastMs = now;
    // One more than are told one by one is all that counts.
    if (similar.notes.size <= SIMILAR) similar.notes.add(note);
    return similar.notes.size > SIMILAR && !isAmongFirst(similar.notes, note);
  }

  #isAllowed(object: string, now: number): boolean {
    const allowance = this.#allowances.get(object, () => ({ tokens: BURST, at: now }));
    allowance.tokens = Math.min(BURST, allowance.tokens + (now - allowance.at) / MS_PER_EVENT);
    allowance.at = now;
    if (allowance.tokens < 1) return false;
    allowance.tokens--;
    return true;
  }
}

/** A note that already has an event of its own goes on counting there. */
function isAmongFirst(notes: ReadonlySet<string>, note: string): boolean {
  let place = 0;
  for (const each of notes) {
    if (place++ >= SIMILAR) return false;
    if (each === note) return true;
  }
  return false;
}

/** At most so many bytes of UTF-8, no half characters. */
function cut(note: string): string {
  const bytes = new TextEncoder().encode(note);
  if (bytes.length <= LONGEST_NOTE) return note;
  const room = LONGEST_NOTE - new TextEncoder().encode(CUT).length;
  return `${new TextDecoder().decode(bytes.subarray(0, room)).replace(/�+$/, '')}${CUT}`;
}
