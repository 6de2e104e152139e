import { readFileSync } from 'node:fs';

/** One line of /proc/self/mountinfo, as far as it matters here (proc_pid_mountinfo(5)). */
export interface MountTableEntry {
  directory: string;
  fileSystemType: string;
  /** The device number, `major:minor`: no two file systems share one. */
  device: string;
  source: string;
  /** Options of this mount (`rw`, `nosuid`, …) and of its file system (`user_id=0`, …). */
  options: string[];
}

/** The file-system type that the kernel shows for our mounts, whichever driver made them. */
export const DAFS_FILE_SYSTEM_TYPE = 'fuse.dafs';

/** All that a process sees mounted, this one when none is named, in the order of mounting. */
export function readMountTable(pid: number | 'self' = 'self'): MountTableEntry[] {
  return parseMountTable(readFileSync(`/proc/${pid}/mountinfo`, 'latin1'));
}

/** What is mounted on `directory` (a canonical path) and not hidden by a later mount on it. */
export function findMount(directory: string): MountTableEntry | undefined {
  return readMountTable().findLast((entry) => entry.directory === directory);
}

/** What `path` (a canonical one) lies on: the mount of the longest directory above, the latest there. */
export function mountOf(path: string): MountTableEntry {
  const isAbove = ({ directory }: MountTableEntry) =>
    directory === '/' || path === directory || path.startsWith(`${directory}/`);
  return readMountTable()
    .filter(isAbove)
    .reduce((best, entry) => (entry.directory.length >= best.directory.length ? entry : best));
}

/** What is mounted somewhere below `directory` (a canonical path). */
export function mountsBelow(directory: string): MountTableEntry[] {
  return readMountTable().filter((entry) => entry.directory.startsWith(`${directory}/`));
}

/** Whether one of our mounts is what `directory` shows. */
export function isDafsMount(directory: string): boolean {
  return findMount(directory)?.fileSystemType === DAFS_FILE_SYSTEM_TYPE;
}

/** Reads the text of a mountinfo file, given byte for byte (latin1). */
export function parseMountTable(text: string): MountTableEntry[] {
  const entries: MountTableEntry[] = [];
  for (const line of text.split('\n')) {
    const [mount, fileSystem] = line.split(' - ');
    const [, , device, , directory, mountOptions] = mount?.split(' ') ?? [];
    const [fileSystemType, source, superOptions] = fileSystem?.split(' ') ?? [];
    if (!device || !directory || !fileSystemType) continue;
    entries.push({
      directory: unescapeField(directory),
      fileSystemType,
      device,
      source: unescapeField(source ?? ''),
      options: `${mountOptions},${superOptions}`.split(','),
    });
  }
  return entries;
}

/** The kernel writes space, tab, newline and backslash as `\` and three octal digits. */
function unescapeField(field: string): string {
  const bytes = field.replace(/\\([0-7]{3})/g, (_, digits) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
  return Buffer.from(bytes, 'latin1').toString('utf8');
}
