import { DafsError } from '../../client/dafs-error.ts';
import { FileClient } from '../../client/file-client.ts';
import {
  ANONYMOUS_STATE_ID,
  Extension,
  type Filehandle,
  ObjectType,
} from '../../client/protocol/index.ts';
import { Request } from '../../client/request.ts';
import { Session } from '../../client/session.ts';
import type { FileReference } from '../../client/transfer-requests.ts';
import type { Random } from '../support/random.ts';
import { type Change, drawChange } from './changes.ts';
import { type Doubts, type Findings, type Found, Home, type HomeObject } from './home.ts';
import type { Process } from './nic/network.ts';
import type { SharedLock } from './shared-lock.ts';

/** A file in the root directory that all clients lock. */
export const lockName = 'lock';

/** What a client needs of the world. */
export interface Surroundings {
  readonly random: Random;
  readonly blockBytes: number;
  /** Begins a process of a client. */
  startProcess(): Process;
  /** The disk has failed under the server that is there: it is not what the next one finds. */
  readonly hasDiskFailed: boolean;
  /** Which errors of the storage a client may be told of now. */
  readonly storageErrors: ReadonlySet<string>;
  /** All clients: what one syncs is there for all of them. */
  readonly clients: readonly SimulatedClient[];
  /** The lock that all of them want. */
  readonly lock: SharedLock;
  readonly mostUnderWay: number;
  /** A client was told that something is on stable storage. */
  promised(): void;
  /** Says that something is not as it must be. */
  report(problem: string): void;
  trace(event: string): void;
}

interface UnderWay {
  readonly change: Change;
  readonly request: Request<unknown, unknown>;
  /** The state that each client's names had when it was sent. */
  readonly marks: readonly (number | undefined)[];
}

/** Why a client has to take what it finds, if that may be. */
type Surprise = 'power cut' | 'storage error';

/** Errors with which a change may have been made, or not. */
const doubtful: ReadonlySet<string> = new Set(['EIO', 'EROFS']);

/**
 * A program that changes files in its directory, several at a time, and looks at what is there. It does
 * a little when it is asked to, and knows what it must find.
 */
export class SimulatedClient {
  readonly name: string;
  readonly home: Home;
  process: Process;
  /** It is in the middle of something, and must not be asked to do more. */
  isBusy = false;
  changesLeft: number;
  /** Requests that were answered. */
  answered = 0;
  isDone = false;
  readonly #world: Surroundings;
  #files: FileClient | undefined;
  #directory: Filehandle | undefined;
  #lockFile: FileReference | undefined;
  #underWay: UnderWay[] = [];
  readonly #objects: HomeObject[] = [];
  #surprise: Surprise | undefined;
  #doubtful: Change[] = [];

  constructor(name: string, changes: number, world: Surroundings) {
    this.name = name;
    this.#world = world;
    this.changesLeft = changes;
    this.home = new Home(world.blockBytes);
    this.process = world.startProcess();
  }

  /** The state of its names that is there; undefined: it has not looked what a power cut has left. */
  get mark(): number | undefined {
    return this.#surprise === 'power cut' ? undefined : this.home.mark;
  }

  /** Does the next little thing. */
  step(): void {
    const { process } = this;
    this.isBusy = true;
    try {
      this.#step();
    } catch (error) {
      const isFailedConnect = error instanceof DafsError && this.#files === undefined;
      if (process.isAlive && !isFailedConnect) {
        this.#world.report(`${this.name}: ${error instanceof Error ? error.stack : error}`);
      }
    } finally {
      this.isBusy = false;
    }
  }

  #step(): void {
    const { random } = this.#world;
    if (this.#files === undefined) {
      this.#connect();
    } else if (this.#underWay.length > 0) {
      this.#files.session.poll(0);
      this.#takeAnswers();
    } else if (this.#surprise !== undefined) {
      this.#takeWhatIsThere(this.#files, this.#surprise);
    } else if (this.changesLeft > 0 && !random.oneIn(6)) {
      this.#begin(this.#files);
    } else {
      this.#look(this.#files);
      this.isDone = this.changesLeft === 0;
    }
  }

  /** The machine has lost power: the process is gone, and what it had under way. */
  losePower(): void {
    this.#doubtful.push(...this.#underWay.map(({ change }) => change));
    this.#underWay = [];
    this.#files = undefined;
    for (const object of this.#objects.splice(0)) {
      object.stateId = undefined;
    }
    this.#surprise = 'power cut';
    this.isDone = false;
    this.process = this.#world.startProcess();
  }

  #connect(): void {
    const { process } = this;
    const session = Session.connect('/simulated/fabric', {
      identity: {
        name: new TextEncoder().encode(`${this.name}/${process.pid}`),
        verifier: BigInt(process.pid) as never,
      },
      extensions: [Extension.LOCKS],
      recovery: { timeoutMs: Number.POSITIVE_INFINITY, isGivenUp: () => !process.isAlive },
      maximumRequests: 8,
      transferSlots: 1,
      transferSlotBytes: 1 << 16,
      timeoutMs: 500,
    });
    const files = new FileClient(session);
    this.#directory = files.lookup(files.root, new TextEncoder().encode(this.name));
    const handle = files.lookup(files.root, new TextEncoder().encode(lockName));
    const { stateId } = files.openHandle(handle, 'both');
    if (process.isAlive) {
      this.#files = files;
      this.#lockFile = { handle, stateId };
    }
  }

  #begin(client: FileClient): void {
    const { random, mostUnderWay, clients, lock } = this.#world;
    const directory = this.#directory as Filehandle;
    const about = new Set<unknown>();
    const changeLock = () => lock.change(this.name, this.#lockFile as FileReference);
    const { home } = this;
    const setting = { random, home, client, directory, objects: this.#objects, changeLock };
    for (
      let count = 1 + random.below(mostUnderWay);
      count > 0 && this.changesLeft > 0;
      count -= 1
    ) {
      const change = drawChange(setting);
      if (change === undefined || change.about.some((subject) => about.has(subject))) continue;
      for (const subject of change.about) about.add(subject);
      this.changesLeft -= 1;
      const request = new Request(change.operation, change.arguments, 0);
      const marks = clients.map(({ mark }) => mark);
      this.#underWay.push({ change, request, marks });
      this.#world.trace(`${this.name}: ${change.describe}`);
      change.begun?.();
      client.session.send(request);
    }
  }

  #takeAnswers(): void {
    for (const underWay of [...this.#underWay]) {
      if (underWay.request.isDone && this.process.isAlive) {
        this.#underWay.splice(this.#underWay.indexOf(underWay), 1);
        this.answered += 1;
        this.#takeAnswer(underWay);
      }
    }
  }

  #takeAnswer({ change, request, marks }: UnderWay): void {
    const outcome = outcomeOf(request);
    this.#world.trace(`${this.name}: ${change.describe}: ${outcome}`);
    const isStorageError = this.#world.storageErrors.has(outcome);
    if (change.judge !== undefined) {
      // What was opened and locked while the storage had failed is not known to the next server.
      const hasFailed = isStorageError || this.#world.storageErrors.has('EIO');
      const problem = change.judge(outcome, hasFailed);
      if (problem !== undefined) this.#world.report(`${this.name}: ${change.describe}: ${problem}`);
    } else if (outcome === change.expected) {
      if (outcome === 'done') this.#apply(change, request.results as never, marks);
    } else if (!isStorageError) {
      this.#world.report(
        `${this.name}: ${change.describe}: expected ${change.expected}, was ${outcome}`,
      );
    } else if (doubtful.has(outcome)) {
      this.#doubtful.push(change);
      this.#surprise ??= 'storage error';
    }
  }

  #apply(change: Change, results: Record<string, unknown>, marks: UnderWay['marks']): void {
    const { names, content, syncs } = change;
    if (names !== undefined) this.home.change(names);
    change.answered?.(results);
    if (content !== undefined) content.object.versions.push(content.bytes);
    if (change.created !== undefined) this.#objects.push(change.created);
    if (syncs !== undefined) {
      syncs.sync();
      for (const [index, { home }] of this.#world.clients.entries()) {
        home.keep(marks[index] ?? 0);
      }
      this.#world.promised();
    }
  }

  #look(client: FileClient): void {
    const findings = this.#find(client);
    const difference = this.process.isAlive ? this.home.compare(findings) : undefined;
    if (difference !== undefined) {
      this.#world.report(`${this.name}: ${difference}`);
    }
  }

  /** After an error of the storage the server can only be believed when it has started again. */
  #takeWhatIsThere(client: FileClient, surprise: Surprise): void {
    if (surprise === 'storage error' && this.#world.hasDiskFailed) {
      client.session.poll(1);
      return;
    }
    const findings = this.#find(client);
    // Found is what one server has: a power cut meanwhile changes that.
    if (!this.process.isAlive) return;
    const problem = this.home.accept(findings, surprise === 'power cut', this.#doubts());
    if (problem !== undefined) {
      this.#world.report(`${this.name} after a ${surprise}: ${problem}`);
    }
    this.#surprise = undefined;
    this.#doubtful = [];
  }

  #doubts(): Doubts {
    const contents = new Map<HomeObject, Uint8Array[]>();
    for (const { content } of this.#doubtful) {
      if (content !== undefined) {
        contents.set(content.object, [...(contents.get(content.object) ?? []), content.bytes]);
      }
    }
    return { names: this.#doubtful.flatMap(({ names }) => names ?? []), contents };
  }

  #find(client: FileClient): Findings {
    const directory = this.#directory as Filehandle;
    const findings = new Map<string, Found>();
    for (let page = client.readdir(directory); ; ) {
      for (const { name } of page.entries) {
        findings.set(new TextDecoder().decode(name), this.#findName(client, directory, name));
      }
      if (page.isLast) return findings;
      const { cookie = 0 } = page.entries.at(-1) ?? {};
      page = client.readdir(directory, { cookie, verifier: page.verifier });
    }
  }

  #findName(client: FileClient, directory: Filehandle, name: Uint8Array): Found {
    const handle = client.lookup(directory, name);
    const { type, mode, sizeBytes } = client.getattr(handle);
    const kind = type === ObjectType.DAFS_TYPE_DIR ? 'directory' : 'file';
    const content = new Uint8Array(kind === 'file' ? sizeBytes : 0);
    const bytes = client.read({ handle, stateId: ANONYMOUS_STATE_ID }, 0, content);
    return { kind, handle, mode, content: content.subarray(0, bytes) };
  }
}

/** `done`, or the errno. */
function outcomeOf(request: Request<unknown, unknown>): string {
  try {
    void request.results;
    return 'done';
  } catch (error) {
    if (error instanceof DafsError) return error.errno;
    throw error;
  }
}
