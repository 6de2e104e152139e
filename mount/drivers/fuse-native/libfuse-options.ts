import type { DriverRequest } from '../../driver.ts';

/** The largest request that libfuse 2 takes. */
const MAXIMUM_TRANSFER_BYTES = 128 * 1024;

/** How long the kernel may believe what it knows when nobody but this mount changes the files. */
const EXCLUSIVE_TIMEOUT_SECONDS = 1;

/** The `-o` argument for libfuse 2 that stands for a request. */
export function libfuseOptions({ source, exclusive, options }: DriverRequest): string {
  // With other clients about, what one of them closed must be seen by whoever opens it next.
  const timeoutSeconds = exclusive ? EXCLUSIVE_TIMEOUT_SECONDS : 0;
  const maxReadBytes = Math.min(
    options.maxReadBytes ?? MAXIMUM_TRANSFER_BYTES,
    MAXIMUM_TRANSFER_BYTES,
  );
  const list = [
    `fsname=${source}`,
    'subtype=dafs',
    // The driver cannot tell callers apart: their rights are the kernel's to check.
    'default_permissions',
    // The server's file ids are the inode numbers.
    'use_ino',
    'big_writes',
    `max_read=${maxReadBytes}`,
    `max_write=${MAXIMUM_TRANSFER_BYTES}`,
    // Cached pages survive an open when size and modification time are as they were.
    'auto_cache',
    `attr_timeout=${options.attributeTimeoutSeconds ?? timeoutSeconds}`,
    `entry_timeout=${options.entryTimeoutSeconds ?? timeoutSeconds}`,
    ...options.kernelFlags,
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
