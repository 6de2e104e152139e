import type { QueuePair } from './queue-pair.ts';
import type { Opcode } from './work-request.ts';

/** What a fault injector may ask for. */
export const Fault = {
  NONE: 0,
  /** The connection breaks now: the request or message takes no effect. */
  BREAK: 1,
  /** The request takes effect, and then the connection breaks, so that the sender cannot know. */
  BREAK_AFTER: 2,
  /** The message is not delivered this time; the injector is asked again at the next poll. */
  HOLD: 3,
} as const;
export type Fault = (typeof Fault)[keyof typeof Fault];

/**
 * A seam for tests and simulations: consulted at each request that a context's queue pairs carry out
 * and at each message that they are about to take. Costs one comparison when there is none.
 */
export interface FaultInjector {
  /** NONE, BREAK or BREAK_AFTER. */
  onPost?(queuePair: QueuePair, opcode: Opcode): Fault;
  /** NONE, BREAK, BREAK_AFTER or HOLD. */
  onDeliver?(queuePair: QueuePair, opcode: Opcode): Fault;
}
