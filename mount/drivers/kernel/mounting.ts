/**
 * Making the mount itself: by mount(2) as root, through fusermount3 as anybody else.
 *
 * None of this touches the directory once it is mounted: a process that asks its own file system
 * something waits for itself.
 */

import { spawnSync } from 'node:child_process';
import { constants } from 'node:fs';
import { closeDescriptor } from '../../../nic/system-calls.ts';
import {
  createSocketPair,
  mount,
  O_CLOEXEC,
  openDescriptor,
  receiveDescriptor,
  setNonBlocking,
} from '../../../nic/system-calls-fuse.ts';
import { CommandError, describeError } from '../../command-error.ts';
import { kernelFlagBits } from '../../kernel-flags.ts';
import type { MountOptions } from '../../mount-options.ts';
import { DAFS_FILE_SYSTEM_TYPE } from '../../mount-table.ts';

const FUSE_DEVICE = '/dev/fuse';

/** What the kernel shows behind `fuse.`. */
const SUBTYPE = DAFS_FILE_SYSTEM_TYPE.slice('fuse.'.length);

export interface MountingRequest {
  /** Where to mount: a canonical path. */
  readonly directory: string;
  /** What the mount table shows as the source. */
  readonly source: string;
  readonly options: MountOptions;
}

/** The words that reach the kernel's FUSE by either way. */
function kernelWords({ allowOther, maxReadBytes }: MountOptions): string[] {
  return [
    // The server checks too, but it is not asked about names that the kernel remembers.
    'default_permissions',
    ...(allowOther ? ['allow_other'] : []),
    ...(maxReadBytes === undefined ? [] : [`max_read=${maxReadBytes}`]),
  ];
}

/** Opens /dev/fuse as workers want it: they poll it without blocking. */
export function openDevice(): number {
  return openDescriptor(FUSE_DEVICE, constants.O_RDWR | constants.O_NONBLOCK | O_CLOEXEC);
}

function mountAsRoot({ directory, source, options }: MountingRequest): number {
  const deviceFd = openDevice();
  try {
    const flags = kernelFlagBits(options.kernelFlags);
    const words = [
      `fd=${deviceFd}`,
      `rootmode=${constants.S_IFDIR.toString(8)}`,
      `user_id=${process.getuid?.() ?? 0}`,
      `group_id=${process.getgid?.() ?? 0}`,
      ...kernelWords(options),
    ];
    mount(source, directory, DAFS_FILE_SYSTEM_TYPE, flags, words.join(','));
    return deviceFd;
  } catch (error) {
    closeDescriptor(deviceFd);
    throw error;
  }
}

/** Commas and backslashes separate and escape in fusermount3's list of options. */
function escapeOption(word: string): string {
  return word.replace(/[\\,]/g, '\\$&');
}

const FUSERMOUNT_NAMES = ['fusermount3', 'fusermount'];

/** Runs fusermount3, or the fusermount of fuse 2 where that is all there is. */
function runFusermount(words: readonly string[], socket: number) {
  for (const name of FUSERMOUNT_NAMES) {
    const ran = spawnSync(name, words, {
      stdio: ['ignore', 'ignore', 'pipe', socket],
      // The socket is the third descriptor of the child after its standard ones.
      env: { ...process.env, _FUSE_COMMFD: '3' },
      encoding: 'utf8',
    });
    if ((ran.error as NodeJS.ErrnoException | undefined)?.code !== 'ENOENT') return ran;
  }
  throw new Error('fusermount3 is missing: install the package fuse3, or mount as root');
}

/** Through fusermount3, which hands the descriptor of the device over a socket. */
function mountAsUser({ directory, source, options }: MountingRequest): number {
  const words = [
    ...kernelWords(options),
    ...options.kernelFlags,
    `fsname=${source}`,
    `subtype=${SUBTYPE}`,
  ];
  const [ours, theirs] = createSocketPair();
  try {
    const list = words.map(escapeOption).join(',');
    const ran = runFusermount(['-o', list, '--', directory], theirs);
    if (ran.status !== 0) {
      const said = ran.stderr.trim().replace(/^fusermount3?: /, '');
      throw new Error(said === '' ? `fusermount3 ended with ${ran.status}` : said);
    }
    const deviceFd = receiveDescriptor(ours);
    if (deviceFd === undefined) throw new Error(`fusermount3 passed no descriptor on`);
    setNonBlocking(deviceFd);
    return deviceFd;
  } finally {
    closeDescriptor(ours);
    closeDescriptor(theirs);
  }
}

/**
 * Mounts on a directory. INIT has not been answered yet when this returns.
 *
 * @returns the descriptor of /dev/fuse that requests come out of
 * @throws CommandError MOUNT_FAILED
 */
export function mountDirectory(request: MountingRequest): number {
  try {
    return process.geteuid?.() === 0 ? mountAsRoot(request) : mountAsUser(request);
  } catch (error) {
    const message = `cannot mount on ${request.directory}: ${describeError(error)}`;
    throw new CommandError('MOUNT_FAILED', message, { cause: error });
  }
}
