import Database from 'better-sqlite3';
import { DataPlane } from '../../server/data-plane/data-plane.ts';
import { defaultLimits } from '../../server/sessions/limits.ts';
import { network, type Process } from './nic/network.ts';

/** Small, so that data are evicted and written back early. */
const cacheBlocks = 48;
/** Time flies in some worlds: nobody is away for too long. */
const leaseMs = 1e9;
const limits = { ...defaultLimits, maxTransferBytes: 1 << 16, leaseMs };

/** Databases that this process has open: nobody else gives them back when it is killed. */
const databases = new Set<Database.Database>();
const { prepare, close } = Database.prototype;
Database.prototype.prepare = function (this: Database.Database, ...values: [string]) {
  databases.add(this);
  return prepare.apply(this, values);
} as typeof prepare;
Database.prototype.close = function (this: Database.Database) {
  databases.delete(this);
  return close.call(this);
};

export interface ServerOptions {
  readonly database: string;
  readonly unstableDirectory: string;
  readonly blockBytes: number;
  readonly reportFault: (error: unknown) => void;
}

/** The real server's data plane, of which the simulation makes one turn after the other. */
export class SimulatedServer {
  readonly process: Process;
  readonly #dataPlane: DataPlane;

  /** @throws what opening the database throws */
  constructor(process: Process, options: ServerOptions) {
    this.process = process;
    this.#dataPlane = new DataPlane({
      database: options.database,
      create: false,
      cacheBytes: cacheBlocks * options.blockBytes,
      blockBytes: options.blockBytes,
      exportsCache: false,
      unstableDirectory: options.unstableDirectory,
      capacity: {},
      limits,
      hasPasswords: false,
      verifyPassword: undefined,
      reportFault: options.reportFault,
      reportArrival: () => {},
    });
  }

  /** Takes the requests that are there, answers them, and does some of what is to be done besides. */
  turn(): void {
    this.#dataPlane.run(() => {
      for (const attempt of network.attempts.splice(0)) {
        this.#dataPlane.connect(attempt as never);
      }
      return false;
    });
  }

  /** Ends as it does when it is told to. */
  stop(): void {
    this.#dataPlane.close();
  }
}

/** Gives back what a killed server had open. */
export function closeDatabases(): void {
  for (const database of databases) {
    database.close();
  }
}
