import { listServers } from '../../client/runtime-directory.ts';
import { formatBytes } from '../byte-sizes.ts';
import { listRecords, type MountRecord } from '../mount-record.ts';
import {
  DAFS_FILE_SYSTEM_TYPE,
  findMount,
  type MountTableEntry,
  readMountTable,
} from '../mount-table.ts';
import { isRunning } from '../processes.ts';
import { queryServer, type ServerStatus } from '../server-status.ts';
import { formatTable } from '../table.ts';

export interface StatusCommandOptions {
  json: boolean;
}

/**
 * `serving`: usable; `no server`: answers EIO; `dead`: its process was killed, unmount it; `detached`:
 * unmounted, but still used by programs that had files open; `unknown`: another user's, or one with
 * another runtime directory.
 */
type MountState = 'serving' | 'no server' | 'dead' | 'detached' | 'unknown';

interface MountStatus {
  directory: string;
  source: string;
  state: MountState;
  server: string | undefined;
  driver: string | undefined;
  pid: number | undefined;
  readOnly: boolean;
  mountedAt: string | undefined;
}

/** `dafs status`: what runs on this machine, for people or for programs. */
export async function statusCommand({ json }: StatusCommandOptions): Promise<void> {
  const servers = await queryServers();
  const mounts = listMounts(new Set(servers.map(({ name }) => name)));
  const lines = json
    ? [JSON.stringify({ servers, mounts }, undefined, 2)]
    : [...serverLines(servers), ...sessionLines(servers), ...mountLines(mounts)];
  process.stdout.write(`${lines.join('\n')}\n`);
}

interface NamedServer {
  name: string;
  /** Undefined when the server is too busy, or just ending, to tell. */
  status: ServerStatus | undefined;
}

async function queryServers(): Promise<NamedServer[]> {
  const servers = await listServers();
  return Promise.all(
    servers.map(async ({ name, control }) => ({ name, status: await queryServer(control) })),
  );
}

function listMounts(serverNames: ReadonlySet<string>): MountStatus[] {
  const records = listRecords();
  const own = records.map((record) => mountStatus(record, serverNames));
  const known = new Set(records.map(({ directory }) => directory));
  const others = readMountTable()
    .filter((entry) => entry.fileSystemType === DAFS_FILE_SYSTEM_TYPE)
    .filter((entry) => !known.has(entry.directory))
    .map(
      (entry): MountStatus => ({
        directory: entry.directory,
        source: entry.source,
        state: 'unknown',
        server: undefined,
        driver: undefined,
        pid: undefined,
        readOnly: entry.options.includes('ro'),
        mountedAt: undefined,
      }),
    );
  return [...own, ...others];
}

function mountStatus(record: MountRecord, serverNames: ReadonlySet<string>): MountStatus {
  const { directory, source, driver, mountedAt } = record;
  const entry = findMount(directory);
  return {
    directory,
    source,
    state: stateOf(record, entry, serverNames),
    server: record.serverName,
    driver,
    pid: record.process.pid,
    readOnly: entry?.options.includes('ro') === true,
    mountedAt,
  };
}

function stateOf(
  record: MountRecord,
  entry: MountTableEntry | undefined,
  serverNames: ReadonlySet<string>,
): MountState {
  if (!isRunning(record.process)) return 'dead';
  if (entry?.fileSystemType !== DAFS_FILE_SYSTEM_TYPE) return 'detached';
  return serverNames.has(record.serverName) ? 'serving' : 'no server';
}

function serverLines(servers: NamedServer[]): string[] {
  const rows = servers.map(({ name, status }) =>
    status
      ? [
          name,
          status.server.database,
          String(status.server.pid),
          String(status.store.files),
          formatBytes(status.store.totalBytes - status.store.freeBytes),
          `${formatBytes(status.cache.bytes)} (${formatBytes(status.cache.dirtyBytes)} dirty)`,
          formatBytes(status.server.memoryBytes),
          formatDuration(status.server.uptimeSeconds),
        ]
      : [name, '?', '?', '?', '?', '?', '?', '?'],
  );
  const head = ['SERVER', 'DATABASE', 'PID', 'FILES', 'USED', 'CACHE', 'MEMORY', 'UP'];
  const warnings = servers.flatMap(({ name, status }) => {
    const reason = status?.store.readOnlyReason;
    return reason === undefined ? [] : [`${name} is read-only: ${reason}`];
  });
  return [...section('no servers', head, rows), ...warnings];
}

function sessionLines(servers: NamedServer[]): string[] {
  const rows = servers.flatMap(({ name, status }) =>
    (status?.sessions ?? []).map((session) => [
      `${name}/${session.number}`,
      session.client,
      String(session.uid),
      String(session.pid),
      String(session.opens),
      String(session.requests),
    ]),
  );
  return section('no sessions', ['SESSION', 'CLIENT', 'UID', 'PID', 'OPENS', 'REQUESTS'], rows);
}

function mountLines(mounts: MountStatus[]): string[] {
  const rows = mounts.map((mount) => [
    mount.directory,
    mount.source,
    mount.server ?? '-',
    mount.driver ?? '-',
    String(mount.pid ?? '-'),
    mount.readOnly ? 'ro' : 'rw',
    mount.state,
  ]);
  const head = ['MOUNT', 'SOURCE', 'SERVER', 'DRIVER', 'PID', 'MODE', 'STATE'];
  return section('no mounts', head, rows);
}

function section(none: string, head: string[], rows: string[][]): string[] {
  return rows.length === 0 ? [none] : [...formatTable([head, ...rows]), ''];
}

/** The two largest units of a duration. */
function formatDuration(seconds: number): string {
  const units: [name: string, seconds: number][] = [
    ['d', 86_400],
    ['h', 3600],
    ['min', 60],
    ['s', 1],
  ];
  const parts: string[] = [];
  let rest = seconds;
  for (const [name, length] of units) {
    const count = Math.floor(rest / length);
    rest -= count * length;
    if (count > 0 && parts.length < 2) parts.push(`${count} ${name}`);
  }
  return parts.join(' ') || '0 s';
}
