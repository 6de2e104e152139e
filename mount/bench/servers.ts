/** Who works for a target, as far as this machine shows it. */
import { serverSockets } from '../../client/runtime-directory.ts';
import { findRecord, listRecords } from '../mount-record.ts';
import { DAFS_FILE_SYSTEM_TYPE, type MountTableEntry, readMountTable } from '../mount-table.ts';
import { openFilesOf, processesWhere, programOf } from '../processes.ts';
import { queryServer } from '../server-status.ts';
import type { ServerProcesses } from './processor-time.ts';

export interface KnownServers {
  readonly processes: ServerProcesses;
  /** For the report: whose time is known, or why it is not. */
  readonly note: string;
}

/** How the servers of one kind of file system are found. */
interface Finder {
  readonly fileSystemType: RegExp;
  find(mount: MountTableEntry): KnownServers | Promise<KnownServers>;
}

const finders: readonly Finder[] = [
  { fileSystemType: /^fuse\.dafs$/, find: findOwn },
  { fileSystemType: /^nfs4?$/, find: findNfs },
  { fileSystemType: /^fuse(blk)?(\.|$)/, find: findFuseDaemon },
];

/** Finds who serves a mount. */
export async function findServers(mount: MountTableEntry): Promise<KnownServers> {
  const finder = finders.find(({ fileSystemType }) => fileSystemType.test(mount.fileSystemType));
  return finder === undefined
    ? { processes: {}, note: 'served by the kernel in the time of the caller' }
    : finder.find(mount);
}

async function findOwn({ directory }: MountTableEntry): Promise<KnownServers> {
  const record = findRecord(directory);
  if (record === undefined) {
    return { processes: {}, note: 'a mount of another user: its processes are not known' };
  }
  const status = record.server
    ? undefined
    : await queryServer(serverSockets(record.serverName).control);
  const server = record.server?.pid ?? status?.server.pid;
  return {
    processes: { mount: [record.process.pid], ...(server !== undefined && { server: [server] }) },
    note: 'mount process and server process',
  };
}

function findNfs(): KnownServers {
  const threads = processesWhere((pid) => programOf(pid) === 'nfsd');
  const client = 'the client works in the caller and in kernel workers, which nobody counts apart';
  return threads.length === 0
    ? { processes: {}, note: `${client}; no nfsd on this machine` }
    : { processes: { nfsd: threads }, note: `threads nfsd; ${client}` };
}

/** Who has /dev/fuse open serves some mount, and with one such mount and one such process that one. */
function findFuseDaemon(): KnownServers {
  const others = readMountTable().filter(
    ({ fileSystemType }) =>
      /^fuse(blk)?(\.|$)/.test(fileSystemType) && fileSystemType !== DAFS_FILE_SYSTEM_TYPE,
  );
  const own = new Set(listRecords().map((record) => record.process.pid));
  const daemons = processesWhere((pid) => hasFuseOpen(pid) && !own.has(pid));
  const isCertain = new Set(others.map(({ device }) => device)).size === 1 && daemons.length === 1;
  return isCertain
    ? { processes: { daemon: daemons }, note: `the process ${programOf(daemons[0] as number)}` }
    : { processes: {}, note: 'which process serves this mount is not known' };
}

const hasFuseOpen = (pid: number): boolean => openFilesOf(pid).includes('/dev/fuse');
