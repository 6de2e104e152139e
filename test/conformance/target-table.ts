/** The targets of the suite. */
import { mkdirSync } from 'node:fs';
import { driverTable } from '../support/drivers.ts';
import { isRoot, mountObstacle } from '../support/machine.ts';
import type { Workspace } from '../support/workspace.ts';
import type { TargetAddress } from './targets.ts';

export interface TargetDefinition {
  /** As skip-list.ts and the report name it. */
  readonly name: string;
  /** Whether other processes of a case come through another mount. */
  readonly isDivided?: boolean;
  /** Why this machine cannot run it; undefined where it can. */
  obstacle(): string | undefined;
  /** Starts what the target needs in `workspace`, and tells the runner where it is. */
  start(workspace: Workspace): Promise<TargetAddress>;
}

/** What makes a mount answer every user, and its devices, as a local directory does. */
const localOptions = isRoot()
  ? ['default_permissions', 'allow_other', 'dev', 'suid']
  : ['default_permissions'];

const local: TargetDefinition = {
  name: 'local',
  obstacle: () => undefined,
  start: async (workspace) => ({ kind: 'directory', root: openDirectory(workspace) }),
};

const client: TargetDefinition = {
  name: 'client',
  obstacle: () => undefined,
  start: async (workspace) => {
    const { fabricSocket } = await workspace.startServer();
    return { kind: 'client', fabricSocket };
  },
};

const mounts = driverTable.map(
  ({ name, obstacle }): TargetDefinition => ({
    name,
    obstacle,
    start: async (workspace) => {
      const source = workspace.path('files.sqlite');
      const { directory } = await workspace.startMount({
        source,
        driver: name,
        options: localOptions,
      });
      return { kind: 'directory', root: directory };
    },
  }),
);

/** Two mounts of one server: a case is in the first one, the other processes in the second. */
const twoMounts: TargetDefinition = {
  name: 'two kernel mounts',
  isDivided: true,
  obstacle: mountObstacle,
  start: async (workspace) => {
    const { name } = await workspace.startServer();
    const mount = () =>
      workspace.startMount({ source: `dafs:${name}`, driver: 'kernel', options: localOptions });
    const [first, second] = [await mount(), await mount()];
    return { kind: 'directory', root: first.directory, otherRoot: second.directory };
  },
};

function openDirectory(workspace: Workspace): string {
  const path = workspace.path('local');
  mkdirSync(path, { mode: 0o755 });
  return path;
}

export const targetTable: readonly TargetDefinition[] = [local, client, ...mounts, twoMounts];
