/** The time and the chance that everything in this process lives by: the simulation owns both. */
import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { Random } from '../../support/random.ts';

/** When simulated worlds begin, in milliseconds since 1970. */
const beginningMs = 1_800_000_000_000;

/** Milliseconds since the world began. */
export const clock = { nowMs: 0 };

let random = new Random(0);

/** Begins a world: the same seed gives the same times and the same chance. */
export function beginTime(seed: number): void {
  clock.nowMs = 0;
  random = new Random(seed ^ 0x5eed);
}

/** Replaces the clocks and the sources of chance of this process. */
export function ownTime(): void {
  const own = (object: object, name: string, value: unknown): void => {
    Object.defineProperty(object, name, { value, configurable: true, writable: true });
  };
  own(performance, 'now', () => clock.nowMs);
  own(performance, 'timeOrigin', beginningMs);
  own(Date, 'now', () => Math.floor(beginningMs + clock.nowMs));
  own(Math, 'random', () => random.below(0x1_0000_0000) / 0x1_0000_0000);
  own(crypto, 'randomBytes', (length: number) => Buffer.from(random.bytes(length)));
  syncBuiltinESMExports();
}
