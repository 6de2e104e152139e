import { DafsStatus } from '../../client/protocol/status.ts';
import { refuse } from '../engine/refusal.ts';
import type { ExportedOpens } from '../exported-cache/exported-opens.ts';
import type { FileId } from '../store/index.ts';

export const Share = { NONE: 0, READ: 1, WRITE: 2, BOTH: 3 } as const;

/** Share reservations, share keys and delete disposition that an OPEN asks for (section 6.5.24). */
export interface ShareRequest {
  /** What the opener will do, one of {@link Share} but NONE. */
  readonly access: number;
  /** What others must not do, one of {@link Share}. */
  readonly deny: number;
  /** The key that all who open the file must present, if they present any. */
  readonly shareKey: bigint | undefined;
  readonly deniesRemoval: boolean;
}

/** A client: it owns opens, and its stateids are good on all of its sessions. */
export interface OpenHolder {
  readonly clientId: bigint;
  /** It may come back after the server was killed, and finds its opens and locks then. */
  readonly isDurable: boolean;
  readonly opens: Set<Open>;
}

/** What a stateid stands for: one lock owner's open of one file. */
export interface Open {
  readonly stateId: bigint;
  readonly holder: OpenHolder;
  readonly fileId: FileId;
  readonly ownerKey: string;
  access: number;
  deny: number;
  shareKey: bigint | undefined;
  deniesRemoval: boolean;
}

export interface OpenTableOptions {
  /** Distinguishes this server instance from its predecessors: 24 bits. */
  readonly instance: number;
  readonly maxOpens: number;
  readonly maxOpensPerClient: number;
  /** Refuses a client more opens than it may have. */
  readonly refuseMore: (holder: OpenHolder, limit: 'maxOpens' | 'maxOpensPerClient') => never;
  /** Called for each open that is new, has changed, or has ended. */
  readonly onChange: (open: Open) => void;
  /** Called for each open that ends. */
  readonly onClose: (open: Open) => void;
  /** Where clients see which opens may read, if they do. */
  readonly exported: Pick<ExportedOpens, 'admit' | 'withdraw'> | undefined;
  /** Called when nobody has a file open any more. */
  readonly onLastClose: (fileId: FileId) => void;
}

/** The opens of one file, with counts so that no check walks through them. */
interface OpenFile {
  readonly byOwner: Map<string, Open>;
  readers: number;
  writers: number;
  readDenials: number;
  writeDenials: number;
  removalDenials: number;
  shareKeyHolders: number;
  shareKey: bigint | undefined;
}

const INSTANCE_SHIFT = 40n;

/** What tells a lock owner from every other one: the client, and the bytes that name him there. */
export function lockOwnerKey(holder: OpenHolder, owner: Uint8Array): string {
  return `${holder.clientId}:${Buffer.from(owner).toString('latin1')}`;
}

/** The bytes that name a lock owner to his client. */
export function lockOwnerBytes(key: string): Uint8Array {
  return Buffer.from(key.slice(key.indexOf(':') + 1), 'latin1');
}

/** The stateid that names no open: rights come from the file's mode alone. */
export const ANONYMOUS_STATEID = 0n;
/** The stateid that names no open and, for reading, passes by share denials too (RFC 3010, 8.1.4). */
export const BYPASS_STATEID = 0xffff_ffff_ffff_ffffn;

/**
 * All opens of all clients. Stateids are 24 bits of server instance and a serial number; opens that
 * were taken over from a server that was killed keep theirs.
 */
export class OpenTable {
  readonly #options: OpenTableOptions;
  readonly #instance: bigint;
  readonly #byStateId = new Map<bigint, Open>();
  readonly #byFile = new Map<FileId, OpenFile>();
  #lastSerial = 0n;

  constructor(options: OpenTableOptions) {
    this.#options = options;
    this.#instance = BigInt(options.instance & 0xff_ffff);
  }

  get size(): number {
    return this.#byStateId.size;
  }

  isOpen(fileId: FileId): boolean {
    return this.#byFile.has(fileId);
  }

  isRemovalDenied(fileId: FileId): boolean {
    return (this.#byFile.get(fileId)?.removalDenials ?? 0) > 0;
  }

  /** Whether somebody who has the file open denies others `access` ({@link Share}). */
  isDenied(fileId: FileId, access: number): boolean {
    const file = this.#byFile.get(fileId);
    return file !== undefined && (deniedBy(file, undefined) & access) !== 0;
  }

  /**
   * Checks an open that is to follow upon the creation of its file, so that nothing is created for
   * an open that cannot be.
   *
   * @throws Refusal DAFSERR_INVAL or DAFSERR_RESOURCE (too many opens).
   */
  requireRoom(holder: OpenHolder, request: ShareRequest): void {
    requireShareBits(request.access, request.deny);
    const { maxOpens, maxOpensPerClient, refuseMore } = this.#options;
    if (holder.opens.size >= maxOpensPerClient) {
      refuseMore(holder, 'maxOpensPerClient');
    }
    if (this.size >= maxOpens) {
      refuseMore(holder, 'maxOpens');
    }
  }

  /**
   * Opens a file for a lock owner. Who has it open already gets his old stateid with the new rights
   * added to the old ones.
   *
   * @throws Refusal DAFSERR_DENIED (share conflict), DAFSERR_KEY_MISMATCH, or what requireRoom throws.
   */
  open(holder: OpenHolder, fileId: FileId, owner: Uint8Array, request: ShareRequest): Open {
    this.requireRoom(holder, request);
    const ownerKey = lockOwnerKey(holder, owner);
    const file = this.#byFile.get(fileId);
    const own = file?.byOwner.get(ownerKey);
    if (file !== undefined) {
      requireNoConflict(file, own, request);
    }
    if (own !== undefined && file !== undefined) {
      count(file, own, -1);
      own.access |= request.access;
      own.deny |= request.deny;
      own.shareKey = request.shareKey ?? own.shareKey;
      own.deniesRemoval ||= request.deniesRemoval;
      count(file, own, 1);
      this.#changed(own);
      return own;
    }
    this.#lastSerial += 1n;
    const stateId = (this.#instance << INSTANCE_SHIFT) | this.#lastSerial;
    const open: Open = { stateId, holder, fileId, ownerKey, ...request };
    this.restore(open);
    this.#options.onChange(open);
    return open;
  }

  /** Enters an open: a new one, or one of a server that was killed, which nobody can object to. */
  restore(open: Open): void {
    const { stateId, fileId, holder } = open;
    let file = this.#byFile.get(fileId);
    if (file === undefined) {
      file = emptyOpenFile();
      this.#byFile.set(fileId, file);
    }
    file.byOwner.set(open.ownerKey, open);
    count(file, open, 1);
    this.#byStateId.set(stateId, open);
    holder.opens.add(open);
    this.#export(open);
  }

  /**
   * The open that `stateId` stands for.
   *
   * @throws Refusal DAFSERR_STALE_STATEID when an earlier server gave it and it is not open any more,
   * DAFSERR_BAD_STATEID when it is closed, another client's or another file's.
   */
  find(stateId: bigint, holder: OpenHolder, fileId: FileId): Open {
    const open = this.#byStateId.get(stateId);
    if (open === undefined) {
      const isSpecial = stateId === ANONYMOUS_STATEID || stateId === BYPASS_STATEID;
      const isOurs = stateId >> INSTANCE_SHIFT === this.#instance;
      refuse(
        isSpecial || isOurs ? DafsStatus.DAFSERR_BAD_STATEID : DafsStatus.DAFSERR_STALE_STATEID,
      );
    }
    if (open.holder !== holder || open.fileId !== fileId) {
      refuse(DafsStatus.DAFSERR_BAD_STATEID);
    }
    return open;
  }

  /**
   * Takes rights away from an open (section 6.5.26).
   *
   * @throws Refusal DAFSERR_INVAL when the open does not have what it shall be reduced to.
   */
  downgrade(open: Open, access: number, deny: number, shareKey: bigint | undefined): void {
    requireShareBits(access, deny);
    const addsRights = (access & ~open.access) !== 0 || (deny & ~open.deny) !== 0;
    const addsKey = shareKey !== undefined && shareKey !== open.shareKey;
    if (addsRights || addsKey) {
      refuse(DafsStatus.DAFSERR_INVAL);
    }
    const file = this.#fileOf(open);
    count(file, open, -1);
    open.access = access;
    open.deny = deny;
    open.shareKey = shareKey;
    count(file, open, 1);
    this.#changed(open);
  }

  /** What a client has open of a file. */
  opensOf(holder: OpenHolder, fileId: FileId): Open[] {
    const opens = this.#byFile.get(fileId)?.byOwner.values() ?? [];
    return [...opens].filter((open) => open.holder === holder);
  }

  close(open: Open): void {
    this.#options.onClose(open);
    this.#options.exported?.withdraw(open.stateId);
    const file = this.#fileOf(open);
    count(file, open, -1);
    file.byOwner.delete(open.ownerKey);
    this.#byStateId.delete(open.stateId);
    open.holder.opens.delete(open);
    this.#options.onChange(open);
    if (file.byOwner.size === 0) {
      this.#byFile.delete(open.fileId);
      this.#options.onLastClose(open.fileId);
    }
  }

  /** Closes everything that a client has open: it is gone, or has started anew. */
  closeAllOf(holder: OpenHolder): void {
    for (const open of [...holder.opens]) {
      this.close(open);
    }
  }

  /** An open has other rights than before. */
  #changed(open: Open): void {
    this.#options.onChange(open);
    this.#export(open);
  }

  #export({ stateId, fileId, access }: Open): void {
    if ((access & Share.READ) !== 0) {
      this.#options.exported?.admit(stateId, fileId);
    } else {
      this.#options.exported?.withdraw(stateId);
    }
  }

  #fileOf(open: Open): OpenFile {
    const file = this.#byFile.get(open.fileId);
    if (file === undefined) {
      throw new Error(`stateid ${open.stateId} of file ${open.fileId} is already closed`);
    }
    return file;
  }
}

const emptyOpenFile = (): OpenFile => ({
  byOwner: new Map(),
  readers: 0,
  writers: 0,
  readDenials: 0,
  writeDenials: 0,
  removalDenials: 0,
  shareKeyHolders: 0,
  shareKey: undefined,
});

const has = (bits: number, bit: number): number => ((bits & bit) === 0 ? 0 : 1);

function count(file: OpenFile, open: Open, change: 1 | -1): void {
  file.readers += change * has(open.access, Share.READ);
  file.writers += change * has(open.access, Share.WRITE);
  file.readDenials += change * has(open.deny, Share.READ);
  file.writeDenials += change * has(open.deny, Share.WRITE);
  file.removalDenials += open.deniesRemoval ? change : 0;
  if (open.shareKey !== undefined) {
    file.shareKeyHolders += change;
    file.shareKey = file.shareKeyHolders > 0 ? open.shareKey : undefined;
  }
}

/** What the opens of a file, save `own`, do with it ({@link Share} bits). */
const accessedBy = (file: OpenFile, own: Open | undefined): number =>
  (file.readers > has(own?.access ?? 0, Share.READ) ? Share.READ : 0) |
  (file.writers > has(own?.access ?? 0, Share.WRITE) ? Share.WRITE : 0);

/** What the opens of a file, save `own`, deny others. */
const deniedBy = (file: OpenFile, own: Open | undefined): number =>
  (file.readDenials > has(own?.deny ?? 0, Share.READ) ? Share.READ : 0) |
  (file.writeDenials > has(own?.deny ?? 0, Share.WRITE) ? Share.WRITE : 0);

/**
 * The checks of section 4.4.2. Its pseudocode takes the key over when one is set and compares it
 * when none is; what it says in words is the reverse, and that is what is done here.
 */
function requireNoConflict(file: OpenFile, own: Open | undefined, request: ShareRequest): void {
  const conflicts =
    (request.access & deniedBy(file, own)) !== 0 || (request.deny & accessedBy(file, own)) !== 0;
  if (conflicts) {
    refuse(DafsStatus.DAFSERR_DENIED);
  }
  const isKeyed = request.shareKey !== undefined && file.shareKeyHolders > 0;
  if (isKeyed && request.shareKey !== file.shareKey) {
    refuse(DafsStatus.DAFSERR_KEY_MISMATCH);
  }
}

function requireShareBits(access: number, deny: number): void {
  const isAccess = access >= Share.READ && access <= Share.BOTH;
  const isDeny = deny >= Share.NONE && deny <= Share.BOTH;
  if (!isAccess || !isDeny) {
    refuse(DafsStatus.DAFSERR_INVAL);
  }
}
