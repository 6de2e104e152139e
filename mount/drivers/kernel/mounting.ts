/**
 * Making and ending the mount itself: by mount(2) as root, through fusermount3 as anybody else.
 *
 * None of this touches the mounted directory: a process that asks its own file system something
 * waits for itself. What must be known of the mount is read from /proc/self/mountinfo.
 */

import { spawnSync } from 'node:child_process';
import { constants, readFileSync, realpathSync, statSync } from 'node:fs';
import { NicError } from '../../../nic/error.ts';
import { closeDescriptor } from '../../../nic/system-calls.ts';
import {
  createSocketPair,
  MountFlag,
  mount,
  O_CLOEXEC,
  openDescriptor,
  receiveDescriptor,
  setNonBlocking,
  UnmountFlag,
  unmount,
} from '../../../nic/system-calls-fuse.ts';
import type { MountOptions } from './mount-options.ts';

const FUSE_DEVICE = '/dev/fuse';

/** The file system could not be mounted or unmounted; the message is one line for a person. */
export class MountError extends Error {
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'MountError';
    this.code = code;
  }
}

/** A mount that has been made: INIT is the first thing to come out of `deviceFd`. */
export interface Mounted {
  deviceFd: number;
  /** The directory without symbolic links, as it stands in /proc/self/mountinfo. */
  directory: string;
}

/** Commas and backslashes separate and escape in fusermount3's list of options. */
function escapeOption(word: string): string {
  return word.replaceAll('\\', '\\\\').replaceAll(',', '\\,');
}

/** The words that both mount(2) and fusermount3 hand to the kernel. */
function kernelWords(options: MountOptions): string[] {
  const words = [...options.passedOn];
  if (options.allowOther) words.push('allow_other');
  if (options.defaultPermissions) words.push('default_permissions');
  if (options.maxReadBytes > 0) words.push(`max_read=${options.maxReadBytes}`);
  return words;
}

/** Opens /dev/fuse as workers want it: they poll it without blocking. */
export function openDevice(): number {
  return openDescriptor(FUSE_DEVICE, constants.O_RDWR | constants.O_NONBLOCK | O_CLOEXEC);
}

function mountAsRoot(directory: string, options: MountOptions): Mounted {
  const deviceFd = openDevice();
  try {
    const words = [
      `fd=${deviceFd}`,
      `rootmode=${constants.S_IFDIR.toString(8)}`,
      `user_id=${process.getuid?.() ?? 0}`,
      `group_id=${process.getgid?.() ?? 0}`,
      ...kernelWords(options),
    ];
    const type = options.subtype === '' ? 'fuse' : `fuse.${options.subtype}`;
    mount(options.fsname, directory, type, options.flags, words.join(','));
    return { deviceFd, directory };
  } catch (error) {
    closeDescriptor(deviceFd);
    throw error;
  }
}

/** Flags of mount(2) in words, for fusermount3. It sets nosuid and nodev itself. */
const flagWords: readonly [number, string][] = [
  [MountFlag.RDONLY, 'ro'],
  [MountFlag.NOEXEC, 'noexec'],
  [MountFlag.SYNCHRONOUS, 'sync'],
  [MountFlag.DIRSYNC, 'dirsync'],
  [MountFlag.NOATIME, 'noatime'],
];

const FUSERMOUNT_NAMES = ['fusermount3', 'fusermount'];

/** Runs fusermount3, or the fusermount of fuse 2 where that is all there is. */
function runFusermount(words: readonly string[], socket?: number) {
  for (const name of FUSERMOUNT_NAMES) {
    const ran = spawnSync(name, words, {
      stdio: ['ignore', 'ignore', 'pipe', ...(socket === undefined ? [] : [socket])],
      env: { ...process.env, ...(socket === undefined ? {} : { _FUSE_COMMFD: '3' }) },
      encoding: 'utf8',
    });
    if ((ran.error as NodeJS.ErrnoException | undefined)?.code !== 'ENOENT') return ran;
  }
  throw new MountError(
    'NO_FUSERMOUNT',
    'fusermount3 is missing: install the package fuse3, or mount as root',
  );
}

/** What fusermount3 said, without its name in front. */
function complaint(ran: { stderr: string; status: number | null }): string {
  const said = ran.stderr.trim().replace(/^fusermount3?: /, '');
  return said === '' ? `fusermount3 ended with ${ran.status}` : said;
}

function mountAsUser(directory: string, options: MountOptions): Mounted {
  const words = [
    ...kernelWords(options),
    ...flagWords.filter(([flag]) => (options.flags & flag) !== 0).map(([, word]) => word),
    `fsname=${options.fsname}`,
    ...(options.subtype === '' ? [] : [`subtype=${options.subtype}`]),
  ];
  const [ours, theirs] = createSocketPair();
  try {
    const list = words.map(escapeOption).join(',');
    const ran = runFusermount(['-o', list, '--', directory], theirs);
    if (ran.status !== 0) throw new MountError('FUSERMOUNT', complaint(ran));
    const deviceFd = receiveDescriptor(ours);
    if (deviceFd === undefined) {
      throw new MountError('FUSERMOUNT', 'fusermount3 passed no descriptor of /dev/fuse on');
    }
    setNonBlocking(deviceFd);
    return { deviceFd, directory };
  } finally {
    closeDescriptor(ours);
    closeDescriptor(theirs);
  }
}

function isRoot(): boolean {
  return process.geteuid?.() === 0;
}

/** The directory without symbolic links; a MountError when it is none. */
function resolveDirectory(path: string): string {
  try {
    const directory = realpathSync(path);
    if (statSync(directory).isDirectory()) return directory;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'EIO';
    throw new MountError(code, `${path} cannot be mounted on: ${code}`, { cause: error });
  }
  throw new MountError('ENOTDIR', `${path} cannot be mounted on: it is not a directory`);
}

/** Mounts on a directory. INIT has not been answered yet when this returns. */
export function mountDirectory(path: string, options: MountOptions): Mounted {
  const directory = resolveDirectory(path);
  try {
    return isRoot() ? mountAsRoot(directory, options) : mountAsUser(directory, options);
  } catch (error) {
    if (!(error instanceof NicError)) throw error;
    throw new MountError(error.code, `${path} cannot be mounted on: ${error.code}`, {
      cause: error,
    });
  }
}

/**
 * Takes the mount off its directory.
 * @param lazy also when processes use it: they go on until they close what they have open
 * @throws MountError with code EBUSY when it is in use
 */
export function unmountDirectory(directory: string, lazy: boolean): void {
  if (isRoot()) {
    try {
      unmount(directory, UnmountFlag.NOFOLLOW | (lazy ? UnmountFlag.DETACH : 0));
    } catch (error) {
      const code = error instanceof NicError ? error.code : 'EIO';
      throw new MountError(code, `${directory} cannot be unmounted: ${code}`, { cause: error });
    }
    return;
  }
  const ran = runFusermount(['-u', ...(lazy ? ['-z'] : []), '--', directory]);
  if (ran.status === 0) return;
  const said = complaint(ran);
  throw new MountError(/busy/i.test(said) ? 'EBUSY' : 'FUSERMOUNT', said);
}

/** mountinfo writes blanks, tabs, newlines and backslashes as octal escapes. */
function unescapeMountinfo(word: string): string {
  return word.replaceAll(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}

/** The device number (`major:minor`) of what is mounted on top of `directory`. */
export function mountedDevice(directory: string): string | undefined {
  let device: string | undefined;
  for (const line of readFileSync('/proc/self/mountinfo', 'latin1').split('\n')) {
    const [, , number, , point] = line.split(' ');
    const bytes = Buffer.from(unescapeMountinfo(point ?? ''), 'latin1');
    if (bytes.equals(Buffer.from(directory))) device = number;
  }
  return device;
}
