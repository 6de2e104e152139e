/** The capabilities of the calling thread: capget(2), capset(2). */
import { call } from '../support/libc.ts';

/** capset(2)'s header: _LINUX_CAPABILITY_VERSION_3, of the calling thread. */
const capabilityHeader = () => new Uint8Array(Uint32Array.of(0x2008_0522, 0).buffer);

/** Effective, permitted and inheritable capabilities below 32, then those above. */
function capabilityWords(): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(6);
  call('capget', capabilityHeader(), new Uint8Array(words.buffer));
  return words;
}

/** The calling thread's effective capabilities below 32. */
export const effectiveCapabilities = (): number => capabilityWords()[0] as number;

/** The permitted ones, which stay with a saved user ID of 0, are where they can come from. */
export function setEffectiveCapabilities(capabilities: number): void {
  const words = capabilityWords();
  words[0] = capabilities;
  call('capset', capabilityHeader(), new Uint8Array(words.buffer));
}
