/**
 * The options of `dafs mount -o`, spelled as mount(8) spells them, in one table.
 */

import { parseBytes, parseCount } from './byte-sizes.ts';
import { CommandError } from './command-error.ts';
import { type KernelFlag, kernelFlags } from './kernel-flags.ts';
import { nearest } from './nearest.ts';

export interface MountOptions {
  kernelFlags: Set<KernelFlag>;
  allowOther: boolean;
  defaultPermissions: boolean;
  nonEmpty: boolean;
  /** What the mount table shows as the source; the SOURCE of the command when undefined. */
  fsname: string | undefined;
  /** Whether to read the server's block cache without asking it. */
  ordma: boolean;
  /** What the server that is started for the mount is told, by the name of the mount option. */
  server: Map<string, readonly [option: string, value: string]>;
  /** The largest read request that the kernel may send; the driver's own limit when undefined. */
  maxReadBytes: number | undefined;
  /** How long the kernel may take attributes as current; the mount decides when undefined. */
  attributeTimeoutSeconds: number | undefined;
  /** How long the kernel may take a name's file as current; the mount decides when undefined. */
  entryTimeoutSeconds: number | undefined;
  /** How long the kernel may remember that a name leads nowhere; the mount decides when undefined. */
  negativeTimeoutSeconds: number | undefined;
  /** How many threads answer requests; the driver decides when undefined. */
  workers: number | undefined;
  /** Whether calls fail when the server stays away, instead of waiting for it. */
  soft: boolean;
  /** After how long they do, in milliseconds. */
  serverTimeoutMs: number;
}

interface MountOption {
  readonly name: string;
  /** What stands after `=`, as the help shows it; undefined for an option without a value. */
  readonly value?: string;
  /** Undefined for what is accepted and does nothing. */
  readonly summary: string | undefined;
  /** Whether it can be changed while mounted. */
  readonly remounts?: true;
  apply(options: MountOptions, value: string): void;
}

const kernelFlag = (name: string, flag: KernelFlag, isSet: boolean, summary: string) => ({
  name,
  summary,
  apply(options: MountOptions) {
    if (isSet) options.kernelFlags.add(flag);
    else options.kernelFlags.delete(flag);
  },
});

/** Such a flag that is the kernel's affair alone, which can be told of a change. */
const changeableFlag = (...flag: Parameters<typeof kernelFlag>): MountOption => ({
  ...kernelFlag(...flag),
  remounts: true,
});

/** An option of `dafs serve` for the server that is started for a mount. */
const serverOption =
  (kind: string, check: (name: string, value: string) => unknown) =>
  (name: string, option: string, summary: string): MountOption => ({
    name,
    value: kind,
    summary,
    apply(options, value) {
      check(`mount option ${name}`, value);
      options.server.set(name, [option, value]);
    },
  });
const serverSize = serverOption('SIZE', parseBytes);
const serverCount = serverOption('NUMBER', parseCount);

/** For lines of fstab(5) and for scripts; access times are the server's, whatever the kernel is told. */
const ignored = (...names: string[]): MountOption[] =>
  names.map((name) => ({ name, summary: undefined, remounts: true, apply() {} }));

/** Every option that there is. Later ones win over earlier ones on the command line. */
export const mountOptionTable: readonly MountOption[] = [
  changeableFlag('ro', 'ro', true, 'read-only'),
  changeableFlag('rw', 'ro', false, 'read and write (default)'),
  changeableFlag('nosuid', 'nosuid', true, 'ignore set-user-ID bits (default)'),
  changeableFlag('suid', 'nosuid', false, 'honour set-user-ID bits (root only)'),
  changeableFlag('nodev', 'nodev', true, 'device files are inert (default)'),
  changeableFlag('dev', 'nodev', false, 'device files work (root only)'),
  changeableFlag('noexec', 'noexec', true, 'no program can be run from the mount'),
  changeableFlag('exec', 'noexec', false, 'programs can be run from the mount (default)'),
  changeableFlag('nosymfollow', 'nosymfollow', true, 'symbolic links are not followed (root only)'),
  changeableFlag('symfollow', 'nosymfollow', false, 'symbolic links are followed (default)'),
  kernelFlag('sync', 'sync', true, 'every change is on stable storage when its call returns'),
  kernelFlag('async', 'sync', false, 'changes become stable in the background (default)'),
  kernelFlag('dirsync', 'dirsync', true, 'every change of a directory is stable when it returns'),
  {
    name: 'remount',
    summary: 'change how SOURCE is mounted on DIRECTORY: ro, rw, and the like (root only)',
    remounts: true,
    // The command looks for it before anything else, and then reads the options as a remount's.
    apply() {},
  },
  {
    name: 'allow_other',
    summary: 'other users may use the mount',
    apply(options) {
      options.allowOther = true;
    },
  },
  {
    name: 'default_permissions',
    summary: 'the kernel checks modes and owners, not the server alone',
    apply(options) {
      options.defaultPermissions = true;
    },
  },
  {
    name: 'nonempty',
    summary: 'mount over a directory that is not empty',
    apply(options) {
      options.nonEmpty = true;
    },
  },
  {
    name: 'fsname',
    value: 'NAME',
    summary: 'what the mount table shows as the source',
    apply(options, value) {
      options.fsname = value;
    },
  },
  serverSize('cache_size', '--cache', "memory for blocks that a database's own server caches"),
  serverSize('size', '--size', 'what all files of a database may take, such as 10G'),
  serverCount('inodes', '--inodes', 'how many files and directories of a database there may be'),
  serverSize(
    'user_size',
    '--user-size',
    'what the files of one user may take, unless that is root',
  ),
  serverCount(
    'user_inodes',
    '--user-inodes',
    'how many files and directories such a user may have',
  ),
  {
    name: 'noordma',
    summary: 'ask the server for all data, instead of reading its block cache',
    apply(options) {
      options.ordma = false;
    },
  },
  {
    name: 'max_read',
    value: 'BYTES',
    summary: 'the largest read request, at least 4096',
    apply(options, value) {
      options.maxReadBytes = parseNumber('max_read', value, 4096);
    },
  },
  {
    name: 'attr_timeout',
    value: 'SECONDS',
    summary: 'how long attributes are taken as current',
    apply(options, value) {
      options.attributeTimeoutSeconds = parseNumber('attr_timeout', value, 0);
    },
  },
  {
    name: 'entry_timeout',
    value: 'SECONDS',
    summary: 'how long names are taken as current',
    apply(options, value) {
      options.entryTimeoutSeconds = parseNumber('entry_timeout', value, 0);
    },
  },
  {
    name: 'negative_timeout',
    value: 'SECONDS',
    summary: 'how long a name that leads nowhere is taken as current (driver kernel)',
    apply(options, value) {
      options.negativeTimeoutSeconds = parseNumber('negative_timeout', value, 0);
    },
  },
  {
    name: 'workers',
    value: 'NUMBER',
    summary: 'how many threads answer requests (driver kernel; one per processor)',
    apply(options, value) {
      options.workers = Math.floor(parseNumber('workers', value, 1));
    },
  },
  {
    name: 'hard',
    summary: 'calls wait for a server that is away, as long as it takes (default)',
    apply(options) {
      options.soft = false;
    },
  },
  {
    name: 'soft',
    summary: 'calls fail with EIO when the server stays away for longer than timeo',
    apply(options) {
      options.soft = true;
    },
  },
  {
    name: 'timeo',
    value: 'DECISECONDS',
    summary: 'how long that is, in tenths of a second, as with NFS; 600 when left out',
    apply(options, value) {
      options.serverTimeoutMs = parseNumber('timeo', value, 1) * 100;
    },
  },
  ...ignored('atime', 'noatime', 'diratime', 'nodiratime'),
  ...ignored('relatime', 'norelatime', 'strictatime', 'nostrictatime', 'lazytime', 'nolazytime'),
  ...ignored('defaults', 'auto', 'noauto', 'user', 'nouser', 'users', 'group', 'owner'),
  ...ignored('nofail', '_netdev', 'silent', 'loud'),
];

const optionByName = new Map(mountOptionTable.map((option) => [option.name, option]));

/**
 * Reads the arguments of all `-o`, each a list separated by commas (`\,` is a comma in a value).
 *
 * @param flags what is set before the first option
 * @throws CommandError UNKNOWN_OPTION (naming the nearest known one) or INVALID_OPTION.
 */
export function parseMountOptions(
  lists: readonly string[],
  flags: Iterable<KernelFlag> = ['nosuid', 'nodev'],
): MountOptions {
  const options: MountOptions = {
    kernelFlags: new Set(flags),
    allowOther: false,
    defaultPermissions: false,
    nonEmpty: false,
    fsname: undefined,
    ordma: true,
    server: new Map(),
    maxReadBytes: undefined,
    attributeTimeoutSeconds: undefined,
    entryTimeoutSeconds: undefined,
    negativeTimeoutSeconds: undefined,
    workers: undefined,
    soft: false,
    serverTimeoutMs: 60_000,
  };
  for (const text of lists.flatMap(splitAtCommas)) applyOption(options, text);
  return options;
}

/** Whether the arguments of all `-o` ask for a change of a mount that is there. */
export function isRemount(lists: readonly string[]): boolean {
  return lists.flatMap(splitAtCommas).includes('remount');
}

/**
 * Reads the options of a remount: what can be changed, and what may be said because it is so already.
 *
 * @param current the options of the mount, as the mount table shows them
 * @throws CommandError as {@link parseMountOptions}, and for what only a new mount can change
 */
export function parseRemountOptions(
  lists: readonly string[],
  current: readonly string[],
): MountOptions {
  const texts = lists.flatMap(splitAtCommas).filter((text) => !current.includes(text));
  for (const text of texts) {
    const option = optionOf(text);
    if (option === undefined || option.remounts) continue;
    throw new CommandError(
      'INVALID_OPTION',
      `mount option ${text} cannot be changed by a remount; unmount, and mount anew with it`,
    );
  }
  const standing = kernelFlags.filter((flag) => current.includes(flag));
  return parseMountOptions([texts.map((text) => text.replaceAll(',', '\\,')).join()], standing);
}

/** The help's lines about options, and the names of those that are accepted and do nothing. */
export function describeMountOptions(): { effective: [string, string][]; ignored: string[] } {
  const effective: [string, string][] = [];
  const ignored: string[] = [];
  for (const { name, value, summary } of mountOptionTable) {
    if (summary === undefined) ignored.push(name);
    else effective.push([value === undefined ? name : `${name}=${value}`, summary]);
  }
  return { effective, ignored };
}

function splitAtCommas(list: string): string[] {
  return list
    .split(/(?<!\\),/)
    .map((text) => text.replaceAll('\\,', ',').trim())
    .filter((text) => text !== '');
}

/** The option that `name` or `name=value` sets; undefined for a comment of an application (fstab(5)). */
function optionOf(text: string): MountOption | undefined {
  const name = text.split('=', 1)[0] as string;
  if (name.startsWith('x-')) return undefined;
  const option = optionByName.get(name);
  if (!option) throw unknownOption(name);
  return option;
}

function applyOption(options: MountOptions, text: string): void {
  const option = optionOf(text);
  if (!option) return;
  const { name } = option;
  const value = text.includes('=') ? text.slice(name.length + 1) : undefined;
  if (option.value !== undefined && !value) {
    throw new CommandError(
      'INVALID_OPTION',
      `mount option ${name} needs a value: ${name}=${option.value}`,
    );
  }
  if (option.value === undefined && value !== undefined) {
    throw new CommandError('INVALID_OPTION', `mount option ${name} takes no value`);
  }
  option.apply(options, value ?? '');
}

function unknownOption(name: string): CommandError {
  const near = nearest(name, [...optionByName.keys()]);
  const hint = near ? `did you mean ${near}?` : 'dafs mount --help lists them all';
  return new CommandError('UNKNOWN_OPTION', `unknown mount option ${name}; ${hint}`);
}

function parseNumber(name: string, text: string, minimum: number): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value < minimum) {
    throw new CommandError(
      'INVALID_OPTION',
      `mount option ${name} needs a number of at least ${minimum}, not "${text}"`,
    );
  }
  return value;
}
