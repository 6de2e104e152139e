/** Worlds one after the other: what main.ts runs when the modules are replaced. */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { FileType, rootId, Store } from '../../server/store/index.ts';
import { lockName } from './client.ts';
import { clock, ownTime } from './machine/clock.ts';
import { ownStorage, realFiles } from './machine/storage.ts';
import { network } from './nic/network.ts';
import { threads } from './nic/threads.ts';
import { World, type WorldReport } from './world.ts';

const blockBytes = 4096;
const homes = ['home-1', 'home-2', 'home-3'];
const database = 'files.sqlite';

/** Makes worlds, in this process, which belongs to them from here on. */
export class Worlds {
  readonly #directory = mkdtempSync('/dev/shm/dafs-simulation-');
  readonly #files: ReadonlyMap<string, Uint8Array>;

  constructor() {
    ownTime();
    ownStorage();
    ownWaiting();
    this.#files = new Map([[database, this.#makeDatabase()]]);
  }

  /** The database that all worlds begin with. */
  #makeDatabase(): Uint8Array {
    const path = join(this.#directory, database);
    const store = Store.open(path, { create: true, blockBytes });
    for (const home of homes) {
      const owner = { mode: 0o777, uid: 0, gid: 0 };
      store.create(rootId, Buffer.from(home), { type: FileType.DIRECTORY, ...owner });
    }
    const lock = { type: FileType.REGULAR, mode: 0o666, uid: 0, gid: 0 };
    store.create(rootId, Buffer.from(lockName), lock);
    store.close();
    return realFiles.readFileSync(path);
  }

  run(seed: number, trace: (event: string) => void = () => {}): WorldReport {
    const directory = join(this.#directory, 'world');
    const options = { seed, directory, files: this.#files, database, homes, blockBytes, trace };
    return new World(options).run();
  }

  close(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** Who waits in this thread lets the world go on: nobody else could end his waiting. */
function ownWaiting(): void {
  const wait = (array: Int32Array, index: number, value: number, timeoutMs = 0): string => {
    for (const thread of threads) {
      thread.work();
    }
    if (Atomics.load(array, index) !== value) return 'ok';
    if (network.machine.running.isServer) {
      clock.nowMs += timeoutMs;
    } else {
      network.machine.waitFor(() => false, timeoutMs);
    }
    return 'timed-out';
  };
  Object.assign(Atomics, { wait });
}
