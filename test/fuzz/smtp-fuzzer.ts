/** Episodes of the SMTP fuzzer: each has its own seed, relay and next hops; one that fails is made as short as it can be. */

import type { ExchangeCertificates } from '../relay/exchange-world.ts';
import { Random } from './random.ts';
import { type Move, Moves } from './smtp-moves.ts';
import { type Played, play } from './smtp-play.ts';

/** Enough for connections to be used again at next hops, few enough to be made shorter in a moment. */
const MOVES = 150;
/** Each plays an episode anew; where something is left open, each waits for it. */
const SHORTEN_MS = 60_000;

export interface SmtpFailure {
  readonly seed: number;
  readonly law: string;
  readonly dialog: readonly string[];
}

export interface SmtpRun {
  readonly steps: number;
  readonly delivered: number;
  readonly failure: SmtpFailure | undefined;
}

export async function fuzzSmtp(
  certificates: ExchangeCertificates,
  { steps, seed }: { readonly steps: number; readonly seed: number },
  progress: (steps: number) => void = () => undefined,
): Promise<SmtpRun> {
  let [done, delivered] = [0, 0];
  for (let episode = seed; done < steps; episode++) {
    const moves = movesOf(episode);
    const played = await play(certificates, episode, moves);
    done += played.steps;
    delivered += played.delivered;
    if (played.broken !== undefined) {
      const shortest = await shorten(certificates, episode, moves, played);
      const failure = { seed: episode, law: shortest.broken ?? '', dialog: shortest.dialog };
      return { steps: done, delivered, failure };
    }
    progress(done);
  }
  return { steps: done, delivered, failure: undefined };
}

export function movesOf(seed: number): Move[] {
  const moves = new Moves(new Random(seed), `m${seed}`);
  return Array.from({ length: MOVES }, () => moves.next());
}

async function shorten(
  certificates: ExchangeCertificates,
  seed: number,
  whole: readonly Move[],
  played: Played,
): Promise<Played> {
  let moves = whole;
  let shortest = played;
  const deadline = Date.now() + SHORTEN_MS;
  for (let size = Math.ceil(moves.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at < moves.length && Date.now() < deadline; ) {
      const without = [...moves.slice(0, at), ...moves.slice(at + size)];
      const again = await play(certificates, seed, without);
      if (again.broken === undefined) at += size;
      else [moves, shortest] = [without, again];
    }
  }
  return shortest;
}
