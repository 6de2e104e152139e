import type { DafsStatus } from '../../client/protocol/status.ts';

/**
 * A request is refused with a status of the draft. Refusals are made once per status and carry no
 * stack: saying no is part of the daily work (every create looks for a name that does not exist),
 * and an Error with its stack costs ten times as much to throw.
 */
export class Refusal {
  readonly status: DafsStatus;

  constructor(status: DafsStatus) {
    this.status = status;
  }
}

const refusals = new Map<DafsStatus, Refusal>();

/** Ends the execution of the current request with `status`. */
export function refuse(status: DafsStatus): never {
  let refusal = refusals.get(status);
  if (refusal === undefined) {
    refusal = new Refusal(status);
    refusals.set(status, refusal);
  }
  throw refusal;
}
