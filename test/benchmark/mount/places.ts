/** Where the same is measured: the mount, and what it is compared with. */
import { existsSync, readFileSync } from 'node:fs';
import type { MountRecord } from '../../../mount/mount-record.ts';
import { driverTable } from '../../support/drivers.ts';
import { until } from '../../support/run.ts';
import type { Workspace } from '../../support/workspace.ts';
import { CEILING_FILE } from '../support/ceiling-file-system.ts';
import { CeilingProcess, NEVER_POLLS } from '../support/ceiling-process.ts';
import type { Reference } from './targets.ts';

const RECORD_LIMIT_MS = 20_000;

export type PlaceName = 'kernel' | Reference;

/** The processes of a mount. */
export interface PlaceProcesses {
  readonly mount: number;
  readonly server: number;
}

export interface Place {
  readonly name: PlaceName;
  readonly directory: string;
  /** The file that is read and written. */
  readonly file: string;
  /** The mount point that the file must be on. */
  readonly mount?: string;
  readonly processes?: PlaceProcesses;
}

/** How each place is made. */
const makers: Readonly<Record<PlaceName, (places: Places) => Promise<Place>>> = {
  /** This project's mount, with its defaults. */
  kernel: (places) => places.mount('kernel', 'kernel'),
  /** A file in memory, served by the same driver with no DAFS behind it: what the driver can reach. */
  ceiling: (places) => places.serveCeiling(),
  /** This project's mount, through libfuse. */
  'fuse-native': (places) => places.mount('fuse-native', 'fuse-native'),
  /** A directory of the disk that the mount's database is on. */
  local: async (places) => places.makeDirectory(),
  /** This project's mount, of which no thread polls before it sleeps: in mount, sessions and server. */
  'never polling': (places) => places.mount('never polling', 'kernel', NEVER_POLLS),
};

/** All places of a run. */
export class Places {
  readonly #workspace: Workspace;
  readonly #fileBytes: number;
  readonly #places = new Map<PlaceName, Place>();
  #ceiling: CeilingProcess | undefined;

  /** @param fileBytes how much the file of each place holds */
  constructor(workspace: Workspace, fileBytes: number) {
    this.#workspace = workspace;
    this.#fileBytes = fileBytes;
  }

  /**
   * Mounts and unmounts once. The first start after a change of the sources strips the types in each
   * thread, and what does that stays in memory; later ones find what it has kept.
   */
  async compile(): Promise<void> {
    const source = this.#workspace.path('compile.sqlite');
    await (await this.#workspace.startMount({ source, driver: 'kernel' })).unmount();
  }

  async open(name: PlaceName): Promise<Place> {
    const place = await makers[name](this);
    this.#places.set(name, place);
    return place;
  }

  of(name: PlaceName): Place {
    return this.#places.get(name) as Place;
  }

  makeDirectory(): Place {
    const directory = this.#workspace.makeDirectory('local');
    return { name: 'local', directory, file: `${directory}/bench.data` };
  }

  async mount(
    name: PlaceName,
    driver: string,
    environment: NodeJS.ProcessEnv = {},
  ): Promise<Place> {
    const lack = driverTable.find((one) => one.name === driver)?.obstacle();
    if (lack !== undefined) throw new Error(`nothing to measure: ${lack}`);
    const source = this.#workspace.path(`${name.replaceAll(' ', '-')}.sqlite`);
    const { directory, child } = await this.#workspace.startMount({ source, driver, environment });
    const record = `${this.#workspace.runtimeDirectory}/dafs/mount-${child.pid}.json`;
    // It is published when the directory is usable, and a moment later than that.
    await until('the mount has published itself', RECORD_LIMIT_MS, () => existsSync(record));
    const { process: own, server } = JSON.parse(readFileSync(record, 'utf8')) as MountRecord;
    return {
      name,
      directory,
      file: `${directory}/bench.data`,
      mount: directory,
      processes: { mount: own.pid, server: server?.pid as number },
    };
  }

  async serveCeiling(): Promise<Place> {
    const directory = this.#workspace.makeDirectory('ceiling');
    const contentBytes = this.#fileBytes;
    this.#ceiling = await CeilingProcess.start({ directory, contentBytes, kind: 'copy' });
    return { name: 'ceiling', directory, file: `${directory}/${CEILING_FILE}`, mount: directory };
  }

  /** Ends what the workspace does not know. */
  async close(): Promise<void> {
    await this.#ceiling?.stop();
  }
}
