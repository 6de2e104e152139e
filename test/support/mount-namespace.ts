/**
 * The words before a program that is to run in a mount namespace of its own; for root alone. What of dafs
 * is mounted elsewhere is not in it: a mount ends when its last copy does, and its tests would wait.
 *
 * @param preparation shell commands before it
 * @param kept a mount that it is to see
 */
export const inMountNamespace = (preparation = '', kept = ''): string[] => [
  ...['unshare', '--mount', '--propagation', 'private', 'sh', '-c'],
  'findmnt -rnt fuse.dafs -o TARGET | grep -vxF -- "$0" | xargs -r umount -l;' +
    `${preparation} exec "$@"`,
  kept,
];
