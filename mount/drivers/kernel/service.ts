/** What the handlers of a worker share. */

import type { FileSystem } from '../../file-system.ts';
import type { Validity } from './attributes.ts';
import type { Exchange } from './exchange.ts';

/** How open files are to be treated by the kernel; bits of `Fopen`. */
export interface OpenPolicy {
  fileFlags: number;
  directoryFlags: number;
}

export interface Service {
  readonly exchange: Exchange;
  readonly fileSystem: FileSystem;
  readonly validity: Validity;
  readonly openPolicy: OpenPolicy;
}

/** Answers the request that the exchange holds, or throws an error that has an `errno`. */
export type Handler = () => void;
