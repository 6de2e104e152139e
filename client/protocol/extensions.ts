/** Ours, beyond DAFS 1.0: procedures and claim types from 1000, so that they never collide. */

/** OPEN by filehandle without a reclaim: the draft has that for recovery only. */
export const CLAIM_FH = 1000;
