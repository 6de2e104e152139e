/**
 * The options of mount(8) that the kernel driver understands, as sshfs and mount.nfs do: those that
 * become flags of mount(2), those that the kernel's FUSE reads from its data string, those that
 * this driver heeds itself, and those that only fstab(5) and mount(8) mean something by.
 */

import { MountFlag } from '../../../nic/system-calls-fuse.ts';

/** An option that this driver does not know, or whose value makes no sense. */
export class MountOptionError extends Error {
  readonly code = 'MOUNT_OPTION';
}

/** What the options of a mount say. */
export interface MountOptions {
  /** Flags of mount(2). */
  flags: number;
  allowOther: boolean;
  defaultPermissions: boolean;
  /** The most bytes that the kernel asks for in one READ; 0 for as many as INIT allows. */
  maxReadBytes: number;
  /** What stands as the device in /proc/mounts. */
  fsname: string;
  subtype: string;
  attributeTimeoutSeconds: number;
  entryTimeoutSeconds: number;
  negativeTimeoutSeconds: number;
  /** Cached data survives an open: only right when nobody else changes files. */
  kernelCache: boolean;
  /** Reads and writes bypass the page cache. */
  directIo: boolean;
  /** How far the kernel reads ahead. */
  readAheadBytes: number;
  /** How many threads answer requests; 0 for as many as the machine suggests. */
  workers: number;
  /** The longest that a worker polls for the next request before it sleeps; 0 to sleep at once. */
  pollMicroseconds: number;
  /** Words for the kernel's data string that it alone understands (SELinux contexts). */
  passedOn: string[];
}

/** FUSE mounts have always been nosuid and nodev unless root says otherwise. */
export function defaultMountOptions(): MountOptions {
  return {
    flags: MountFlag.NOSUID | MountFlag.NODEV,
    allowOther: false,
    defaultPermissions: false,
    maxReadBytes: 0,
    fsname: 'dafs',
    subtype: 'dafs',
    attributeTimeoutSeconds: 1,
    entryTimeoutSeconds: 1,
    negativeTimeoutSeconds: 0,
    kernelCache: false,
    directIo: false,
    readAheadBytes: 1 << 20,
    workers: 0,
    pollMicroseconds: 50,
    passedOn: [],
  };
}

/** Options that set or clear a flag of mount(2). */
const flagOptions: Record<string, readonly [flag: number, set: boolean]> = {
  ro: [MountFlag.RDONLY, true],
  rw: [MountFlag.RDONLY, false],
  nosuid: [MountFlag.NOSUID, true],
  suid: [MountFlag.NOSUID, false],
  nodev: [MountFlag.NODEV, true],
  dev: [MountFlag.NODEV, false],
  noexec: [MountFlag.NOEXEC, true],
  exec: [MountFlag.NOEXEC, false],
  sync: [MountFlag.SYNCHRONOUS, true],
  async: [MountFlag.SYNCHRONOUS, false],
  dirsync: [MountFlag.DIRSYNC, true],
  noatime: [MountFlag.NOATIME, true],
  atime: [MountFlag.NOATIME, false],
  nodiratime: [MountFlag.NODIRATIME, true],
  diratime: [MountFlag.NODIRATIME, false],
  relatime: [MountFlag.RELATIME, true],
  norelatime: [MountFlag.RELATIME, false],
  strictatime: [MountFlag.STRICTATIME, true],
  nostrictatime: [MountFlag.STRICTATIME, false],
  lazytime: [MountFlag.LAZYTIME, true],
  nolazytime: [MountFlag.LAZYTIME, false],
};

/** Options for fstab(5) and mount(8), which mean nothing to a mount that is being made. */
const ignoredOptions = new Set([
  'auto',
  'noauto',
  'user',
  'nouser',
  'users',
  'group',
  'owner',
  'nofail',
  '_netdev',
]);
const ignoredPrefixes = ['x-', 'X-', 'comment='];

const passedOnKeys = new Set(['context', 'fscontext', 'defcontext', 'rootcontext']);

const switchOptions: Record<string, (options: MountOptions) => void> = {
  allow_other: (options) => {
    options.allowOther = true;
  },
  default_permissions: (options) => {
    options.defaultPermissions = true;
  },
  kernel_cache: (options) => {
    options.kernelCache = true;
  },
  direct_io: (options) => {
    options.directIo = true;
  },
  defaults: (options) => {
    options.flags &= ~(MountFlag.RDONLY | MountFlag.NOEXEC | MountFlag.SYNCHRONOUS);
  },
};

function numberOf(option: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (text === '' || !Number.isFinite(value) || value < least || value > most) {
    throw new MountOptionError(`${option}: a number from ${least} to ${most} is wanted`);
  }
  return value;
}

function wholeNumberOf(option: string, text: string, least: number, most: number): number {
  const value = numberOf(option, text, least, most);
  if (!Number.isInteger(value)) throw new MountOptionError(`${option}: a whole number is wanted`);
  return value;
}

const DAY_SECONDS = 86_400;
const MEGABYTE = 1 << 20;

const valueOptions: Record<string, (options: MountOptions, text: string) => void> = {
  max_read: (options, text) => {
    options.maxReadBytes = wholeNumberOf('max_read', text, 4096, MEGABYTE);
  },
  fsname: (options, text) => {
    options.fsname = text;
  },
  subtype: (options, text) => {
    options.subtype = text;
  },
  attr_timeout: (options, text) => {
    options.attributeTimeoutSeconds = numberOf('attr_timeout', text, 0, DAY_SECONDS);
  },
  entry_timeout: (options, text) => {
    options.entryTimeoutSeconds = numberOf('entry_timeout', text, 0, DAY_SECONDS);
  },
  negative_timeout: (options, text) => {
    options.negativeTimeoutSeconds = numberOf('negative_timeout', text, 0, DAY_SECONDS);
  },
  max_readahead: (options, text) => {
    options.readAheadBytes = wholeNumberOf('max_readahead', text, 0, 64 * MEGABYTE);
  },
  poll: (options, text) => {
    options.pollMicroseconds = wholeNumberOf('poll', text, 0, 10_000);
  },
  workers: (options, text) => {
    options.workers = wholeNumberOf('workers', text, 1, 64);
  },
};

/** The names of all options, for who wants to say which known one an unknown one resembles. */
export const mountOptionNames: readonly string[] = [
  ...Object.keys(flagOptions),
  ...Object.keys(switchOptions),
  ...Object.keys(valueOptions),
  ...passedOnKeys,
  ...ignoredOptions,
];

/**
 * Splits `a,b="x,y",c` at its commas outside quotes and takes the quotes away, as mount(8) does for
 * SELinux contexts.
 */
export function splitOptions(list: string): string[] {
  const words = list.match(/(?:[^,"]|"[^"]*")+/g) ?? [];
  return words.map((word) => word.replaceAll('"', ''));
}

function applyOption(options: MountOptions, word: string): void {
  if (ignoredOptions.has(word) || ignoredPrefixes.some((prefix) => word.startsWith(prefix))) return;
  const flag = flagOptions[word];
  if (flag !== undefined) {
    options.flags = flag[1] ? options.flags | flag[0] : options.flags & ~flag[0];
    return;
  }
  const equals = word.indexOf('=');
  const key = equals < 0 ? word : word.slice(0, equals);
  const turnOn = equals < 0 ? switchOptions[word] : undefined;
  const setValue = equals < 0 ? undefined : valueOptions[key];
  if (turnOn !== undefined) turnOn(options);
  else if (setValue !== undefined) setValue(options, word.slice(equals + 1));
  else if (passedOnKeys.has(key)) options.passedOn.push(word);
  else throw new MountOptionError(`unknown mount option '${word}'`);
}

/**
 * Reads a list of options as mount(8) takes them behind -o.
 * @throws MountOptionError for an unknown option or a value that makes no sense
 */
export function parseMountOptions(words: readonly string[]): MountOptions {
  const options = defaultMountOptions();
  for (const word of words) applyOption(options, word);
  return options;
}
