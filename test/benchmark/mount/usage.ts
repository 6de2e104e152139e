/** What a mount and its server take of the machine: processors while idle, and memory. */
import { setTimeout as sleep } from 'node:timers/promises';
import { processorSeconds } from '../../../mount/bench/processor-time.ts';
import type { ServerStatus } from '../../../mount/server-status.ts';
import type { Workspace } from '../../support/workspace.ts';
import { memoryOf } from '../support/processes.ts';
import type { BenchmarkRow } from '../support/row.ts';
import type { PlaceProcesses } from './places.ts';
import { valueTargets } from './targets.ts';

const REST_MS = 1000;
const WATCHED_MS = 5000;
/** How long the idle processors are watched, with the rest before. */
export const IDLE_SECONDS = (REST_MS + WATCHED_MS) / 1000;

/** The processor time of mount and server together. */
export const secondsOf = ({ mount, server }: PlaceProcesses): number =>
  processorSeconds(mount) + processorSeconds(server);

/** A row whose value itself has a target, if it has one. */
export function usageRow(section: string, name: string, value: number, unit: string): BenchmarkRow {
  const target = valueTargets[name];
  return { section, name, value, unit, ...(target !== undefined && { target }) };
}

/** Of one core, in the seconds after a rest. */
export async function idleRow(processes: PlaceProcesses): Promise<BenchmarkRow> {
  await sleep(REST_MS);
  const [before, startedMs] = [secondsOf(processes), performance.now()];
  await sleep(WATCHED_MS);
  const seconds = (performance.now() - startedMs) / 1000;
  const percent = (100 * (secondsOf(processes) - before)) / seconds;
  return usageRow('mount', 'idle, mount and server', percent, '%');
}

async function cacheBytesOf(workspace: Workspace, serverPid: number): Promise<number> {
  const { stdout } = await workspace.dafs(['status', '--json']);
  const { servers } = JSON.parse(stdout) as { servers: { status: ServerStatus }[] };
  const found = servers.find(({ status }) => status.server.pid === serverPid);
  if (found === undefined) throw new Error('dafs status does not tell of the server');
  return found.status.cache.bytes;
}

export interface Memory {
  readonly mountBytes: number;
  readonly serverBytes: number;
}

/**
 * All that is resident, shared libraries included. The cache of the server, which the mount maps too,
 * counts once: for the server.
 */
export function memoryOfBoth({ mount, server }: PlaceProcesses): Memory {
  const { residentBytes, peersBytes } = memoryOf(mount);
  return { mountBytes: residentBytes - peersBytes, serverBytes: memoryOf(server).residentBytes };
}

/** In megabytes, with the proportional sizes beside: where pages that are shared count in parts. */
export async function memoryRows(
  workspace: Workspace,
  processes: PlaceProcesses,
): Promise<BenchmarkRow[]> {
  const { mountBytes, serverBytes } = memoryOfBoth(processes);
  const cacheBytes = await cacheBytesOf(workspace, processes.server);
  const figures: Readonly<Record<string, number>> = {
    'memory of the mount': mountBytes,
    'memory of the mount, with the cache it maps': memoryOf(processes.mount).residentBytes,
    'memory of the mount, proportional': memoryOf(processes.mount).proportionalBytes,
    'memory of the server, beyond its cache': serverBytes - cacheBytes,
    'memory of the server': serverBytes,
    'memory of the server, proportional': memoryOf(processes.server).proportionalBytes,
  };
  return Object.entries(figures).map(([name, bytes]) => usageRow('mount', name, bytes / 1e6, 'MB'));
}
