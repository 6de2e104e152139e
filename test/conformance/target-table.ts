/** The targets of the suite. A further driver is a further line. */
import { mkdirSync } from 'node:fs';
import { mountObstacle } from '../support/machine.ts';
import type { Workspace } from '../support/workspace.ts';
import type { TargetAddress } from './targets.ts';

export interface TargetDefinition {
  /** As skip-list.ts and the report name it. */
  readonly name: string;
  /** Why this machine cannot run it; undefined where it can. */
  obstacle(): string | undefined;
  /** Starts what the target needs in `workspace`, and tells the runner where it is. */
  start(workspace: Workspace): Promise<TargetAddress>;
}

/** Each mount driver, with the mount options that make it answer as a local directory does. */
const drivers: readonly { name: string; options: readonly string[] }[] = [
  { name: 'fuse-native', options: ['default_permissions', 'allow_other', 'dev', 'suid'] },
];

const local: TargetDefinition = {
  name: 'local',
  obstacle: () => undefined,
  start: async (workspace) => ({ kind: 'directory', root: openDirectory(workspace) }),
};

const mounts = drivers.map(
  ({ name, options }): TargetDefinition => ({
    name,
    obstacle: mountObstacle,
    start: async (workspace) => {
      const source = workspace.path('files.sqlite');
      const { directory } = await workspace.startMount({ source, driver: name, options });
      return { kind: 'directory', root: directory };
    },
  }),
);

function openDirectory(workspace: Workspace): string {
  const path = workspace.path('local');
  mkdirSync(path, { mode: 0o755 });
  return path;
}

export const targetTable: readonly TargetDefinition[] = [local, ...mounts];
