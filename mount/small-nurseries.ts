import { setFlagsFromString } from 'node:v8';

/**
 * Keeps the memory of each thread small in which V8 makes new objects: 1 MB and its mirror, where V8
 * would let it grow to 16 MB and more for programs that leave much garbage. Requests leave little.
 * To be called before threads are started.
 */
export function keepNurseriesSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}
