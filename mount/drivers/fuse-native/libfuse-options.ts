import type { DriverRequest } from '../../driver.ts';
import type { MountOptions } from '../../mount-options.ts';

/** The largest request that libfuse 2 takes. */
const MAXIMUM_TRANSFER_BYTES = 128 * 1024;

/** How long the kernel may believe a name when nobody but this mount changes the files. */
const EXCLUSIVE_ENTRY_TIMEOUT_SECONDS = 1;

/**
 * For libfuse 2 each of a file's names is a file of its own, with attributes and pages of its own.
 * What is done through one name shows through another only if nothing is believed for long.
 */
const ATTRIBUTE_TIMEOUT_SECONDS = 0;

/**
 * Whether the kernel checks modes and owners. The driver cannot tell callers apart, so as soon as
 * there may be several, the server cannot.
 */
export function kernelChecksPermissions(options: MountOptions): boolean {
  return options.defaultPermissions || options.allowOther;
}

/** The `-o` argument for libfuse 2 that stands for a request. */
export function libfuseOptions({ source, exclusive, options }: DriverRequest): string {
  // With other clients about, what one of them closed must be seen by whoever opens it next.
  const entryTimeoutSeconds = exclusive ? EXCLUSIVE_ENTRY_TIMEOUT_SECONDS : 0;
  const maxReadBytes = Math.min(
    options.maxReadBytes ?? MAXIMUM_TRANSFER_BYTES,
    MAXIMUM_TRANSFER_BYTES,
  );
  const list = [
    `fsname=${source}`,
    'subtype=dafs',
    // The server's file ids are the inode numbers.
    'use_ino',
    'big_writes',
    `max_read=${maxReadBytes}`,
    `max_write=${MAXIMUM_TRANSFER_BYTES}`,
    // Cached pages survive an open when size and modification time are as they were.
    'auto_cache',
    `attr_timeout=${options.attributeTimeoutSeconds ?? ATTRIBUTE_TIMEOUT_SECONDS}`,
    `entry_timeout=${options.entryTimeoutSeconds ?? entryTimeoutSeconds}`,
    ...options.kernelFlags,
    ...(kernelChecksPermissions(options) ? ['default_permissions'] : []),
    ...(options.kernelFlags.has('nosuid') ? [] : ['suid']),
    ...(options.kernelFlags.has('nodev') ? [] : ['dev']),
    ...(options.allowOther ? ['allow_other'] : []),
    ...(options.nonEmpty ? ['nonempty'] : []),
  ];
  return `-o${list.map(escapeOption).join(',')}`;
}

/** libfuse splits its options at commas and takes a backslash as the escape of what follows. */
function escapeOption(option: string): string {
  return option.replace(/[\\,]/g, '\\$&');
}
