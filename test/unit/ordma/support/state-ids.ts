/** The stateid of the one open that a test has of each file. */
export const stateIdOf = (id: number): bigint => (0x12_3456n << 40n) | BigInt(id);
