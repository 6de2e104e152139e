/** The states of a queue pair, numbered as in verbs. */
export const QueuePairState = { RESET: 0, INIT: 1, RTR: 2, RTS: 3, ERR: 6 } as const;
export type QueuePairState = (typeof QueuePairState)[keyof typeof QueuePairState];

const { RESET, INIT, RTR, RTS, ERR } = QueuePairState;

/** Which states each one leads to, RESET and ERR apart, to which all lead. */
const successors: Readonly<Record<QueuePairState, QueuePairState | undefined>> = {
  [RESET]: INIT,
  [INIT]: RTR,
  [RTR]: RTS,
  [RTS]: undefined,
  [ERR]: undefined,
};

/** Whether a queue pair may go from one state to the other. */
export function mayBecome(from: QueuePairState, to: QueuePairState): boolean {
  if (to === RESET) return true;
  if (to === ERR) return from !== RESET;
  return successors[from] === to;
}

/** The name of a state, for messages. */
export function stateName(state: QueuePairState): string {
  return Object.entries(QueuePairState).find(([, value]) => value === state)?.[0] ?? `${state}`;
}
