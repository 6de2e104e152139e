/**
 * How far the kernel reads ahead of a sequential reader. INIT can only lower it from the kernel's
 * default of 128 KiB; raising it takes the mount's backing device information in /sys, which only
 * root may write.
 */

import { writeFileSync } from 'node:fs';

/**
 * Sets the read-ahead of a mount.
 * @param device its device, `major:minor`
 * @returns whether it was set; without, buffered sequential reads go in smaller steps
 */
export function setReadAhead(device: string, bytes: number): boolean {
  try {
    writeFileSync(`/sys/class/bdi/${device}/read_ahead_kb`, String(bytes / 1024));
    return true;
  } catch {
    return false;
  }
}
