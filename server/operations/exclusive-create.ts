import type { Verifier } from '../../client/protocol/types.ts';
import type { AttributeChanges, Inode } from '../store/index.ts';

/**
 * The verifier of an EXCLUSIVE creation is kept in the times of the file, as servers of NFS do: they
 * are stored together with the file, and a client has to set them afterwards anyway (section
 * 6.5.24). The seconds hold 32 bits each; no clock gives times without nanoseconds so regularly.
 */
export const timesOfVerifier = (verifier: Verifier): AttributeChanges => ({
  atime: { seconds: Number(verifier >> 32n), nseconds: 0 },
  mtime: { seconds: Number(verifier & 0xffff_ffffn), nseconds: 0 },
});

/** Whether a file was made by an EXCLUSIVE creation with this verifier and has not been touched since. */
export function matchesVerifier(inode: Inode, verifier: Verifier): boolean {
  const { atime, mtime } = timesOfVerifier(verifier);
  return isSameTime(inode.atime, atime) && isSameTime(inode.mtime, mtime);
}

const isSameTime = (one: Inode['atime'], other: Inode['atime'] | undefined): boolean =>
  one.seconds === other?.seconds && one.nseconds === other.nseconds;
