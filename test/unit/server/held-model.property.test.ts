/**
 * What clients hold against a model that knows single bytes and no stores: whatever is opened, locked,
 * removed and closed, a server that is started after one was killed has what the last commit had.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { LockMode } from '../../../server/state/lock-ranges.ts';
import type { LockKind } from '../../../server/state/lock-space.ts';
import { lockOwnerKey, type Open } from '../../../server/state/opens.ts';
import { type FileId, FileType, rootId } from '../../../server/store/index.ts';
import { bytes, reclaimAll } from '../store/support/stores.ts';
import { HeldWorld } from './support/held-world.ts';

const CLIENTS = [1n, 2n, 3n] as const;
/** Does not come back, ever: nothing of it is stored. */
const FLEETING = 3n;
/** Does not come back when the step says so. */
const LEAVING = 2n;
const OWNERS = 2;
const NAMES = 2;
/** The bytes that are looked at. */
const BYTES = 6;

interface ModelOpen {
  readonly stateId: bigint;
  readonly client: bigint;
  readonly owner: number;
  readonly file: FileId;
  access: number;
  deny: number;
  deniesRemoval: boolean;
}

interface ModelLocks {
  readonly kind: LockKind;
  readonly file: FileId;
  readonly client: bigint;
  readonly owner: number;
  readonly bytes: (LockMode | undefined)[];
  readonly opens: Set<bigint>;
}

interface State {
  names: (FileId | undefined)[];
  opens: ModelOpen[];
  locks: ModelLocks[];
}

/** What is held, by plain lists. */
class Model {
  state: State = { names: new Array(NAMES).fill(undefined), opens: [], locks: [] };

  mayOpen(file: FileId, client: bigint, owner: number, access: number, deny: number): boolean {
    return this.state.opens
      .filter((one) => one.file === file && !(one.client === client && one.owner === owner))
      .every((other) => (other.deny & access) === 0 && (other.access & deny) === 0);
  }

  open(wanted: ModelOpen): void {
    const { stateId, access, deny, deniesRemoval } = wanted;
    const own = this.state.opens.find((one) => one.stateId === stateId);
    if (own === undefined) {
      this.state.opens.push(wanted);
    } else {
      own.access |= access;
      own.deny |= deny;
      own.deniesRemoval ||= deniesRemoval;
    }
  }

  close({ stateId }: ModelOpen): void {
    this.state.opens = this.state.opens.filter((one) => one.stateId !== stateId);
    for (const held of this.state.locks) {
      held.opens.delete(stateId);
    }
    this.state.locks = this.state.locks.filter((held) => held.opens.size > 0);
  }

  end(client: bigint): void {
    for (const open of this.state.opens.filter((one) => one.client === client)) {
      this.close(open);
    }
  }

  lock(by: ModelOpen, owner: number, kind: LockKind, mode: LockMode, range: Range): boolean {
    const { file, client, stateId } = by;
    const isOwn = (one: ModelLocks) => one.client === client && one.owner === owner;
    const space = () => this.state.locks.filter((one) => one.file === file && one.kind === kind);
    if (kind === 'flock') {
      this.state.locks = this.state.locks.filter(
        (one) => !(space().includes(one) && isOwn(one) && one.bytes[0] !== mode),
      );
    }
    const isInTheWay = (held: LockMode | undefined) =>
      held === 'write' || (held === 'read' && mode === 'write');
    const [first, last] = range;
    if (space().some((one) => !isOwn(one) && one.bytes.slice(first, last + 1).some(isInTheWay))) {
      return false;
    }
    let own = space().find(isOwn);
    if (own === undefined) {
      own = {
        kind,
        file,
        client,
        owner,
        bytes: new Array(BYTES).fill(undefined),
        opens: new Set(),
      };
      this.state.locks.push(own);
    }
    own.bytes.fill(mode, first, last + 1);
    own.opens.add(stateId);
    return true;
  }

  unlock({ file, client }: ModelOpen, owner: number, kind: LockKind, [first, last]: Range): void {
    const own = this.state.locks.find(
      (one) =>
        one.file === file && one.kind === kind && one.client === client && one.owner === owner,
    );
    own?.bytes.fill(undefined, first, last + 1);
    this.state.locks = this.state.locks.filter((one) => one.bytes.some((mode) => mode));
  }

  fileIds(): Set<FileId> {
    const { names, opens } = this.state;
    const named = names.filter((id) => id !== undefined);
    return new Set([...named, ...opens.map(({ file }) => file)]);
  }
}

type Range = readonly [number, number];
const WHOLE: Range = [0, BYTES - 1];

type Step =
  | {
      type: 'open';
      client: bigint;
      owner: number;
      name: number;
      access: number;
      deny: number;
      deniesRemoval: boolean;
    }
  | { type: 'downgrade'; which: number; access: number }
  | { type: 'close'; which: number }
  | { type: 'remove'; name: number }
  | { type: 'lock'; which: number; owner: number; kind: LockKind; mode: LockMode; range: Range }
  | { type: 'unlock'; which: number; owner: number; kind: LockKind; range: Range }
  | { type: 'end'; client: bigint }
  | { type: 'commit' | 'fail' | 'apply' | 'kill' | 'leave' };

const which = fc.nat(9);
const owner = fc.nat(OWNERS - 1);
const client = fc.constantFrom(...CLIENTS);
const name = fc.nat(NAMES - 1);
const kind = fc.constantFrom<LockKind>('record', 'flock');
const mode = fc.constantFrom<LockMode>('read', 'write');
const range = fc
  .tuple(fc.nat(BYTES - 1), fc.nat(BYTES - 1))
  .map(([one, other]): Range => (one < other ? [one, other] : [other, one]));
const type = <Type extends string>(value: Type) => fc.constant(value);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: type('open'),
      client,
      owner,
      name,
      access: fc.integer({ min: 1, max: 3 }),
      deny: fc.constantFrom(0, 0, 0, 1, 2),
      deniesRemoval: fc.constantFrom(false, false, false, false, true),
    }),
  },
  fc.record({ type: type('downgrade'), which, access: fc.integer({ min: 1, max: 3 }) }),
  { weight: 3, arbitrary: fc.record({ type: type('close'), which }) },
  { weight: 2, arbitrary: fc.record({ type: type('remove'), name }) },
  { weight: 6, arbitrary: fc.record({ type: type('lock'), which, owner, kind, mode, range }) },
  { weight: 3, arbitrary: fc.record({ type: type('unlock'), which, owner, kind, range }) },
  fc.record({ type: type('end'), client }),
  { weight: 6, arbitrary: fc.constant({ type: 'commit' as const }) },
  {
    weight: 4,
    arbitrary: fc.constantFrom<Step>(
      { type: 'fail' },
      { type: 'apply' },
      { type: 'kill' },
      { type: 'kill' },
      { type: 'leave' },
    ),
  },
);

/** The tables over a store, and what they must agree with. */
class Comparison {
  readonly #model = new Model();
  #world = new HeldWorld({ clients: CLIENTS, fleeting: [FLEETING] });
  #committed = structuredClone(this.#model.state);
  #changesFiles = false;

  end(): void {
    this.#world.store.close();
  }

  perform(one: Step): void {
    const steps: { readonly [Type in Step['type']]: () => void } = {
      open: () => this.#open(one as Extract<Step, { type: 'open' }>),
      downgrade: () => this.#downgrade(one as Extract<Step, { type: 'downgrade' }>),
      close: () => this.#close(one as Extract<Step, { type: 'close' }>),
      remove: () => this.#remove(one as Extract<Step, { type: 'remove' }>),
      lock: () => this.#lock(one as Extract<Step, { type: 'lock' }>),
      unlock: () => this.#unlock(one as Extract<Step, { type: 'unlock' }>),
      end: () => this.#endClient((one as Extract<Step, { type: 'end' }>).client),
      commit: () => this.#commit(),
      apply: () => {
        this.#commit();
        this.#world.store.durability.applyIntents();
      },
      fail: () => this.#fail(),
      kill: () => this.#kill(CLIENTS),
      leave: () => {
        this.#kill(CLIENTS.filter((id) => id !== LEAVING));
        this.#commit();
        this.#kill(CLIENTS);
      },
    };
    steps[one.type]();
  }

  #open({ client, owner, name, ...share }: Extract<Step, { type: 'open' }>): void {
    const { store, opens } = this.#world;
    const { names } = this.#model.state;
    if (names[name] === undefined) {
      const object = { type: FileType.REGULAR, mode: 0o600, uid: 0, gid: 0 };
      names[name] = store.create(rootId, bytes(String(name)), object).id;
      this.#changesFiles = true;
    }
    const file = names[name] as FileId;
    const request = { ...share, shareKey: undefined };
    let open: Open | undefined;
    try {
      open = opens.open(this.#world.client(client), file, bytes(String(owner)), request);
    } catch {
      // The model says whether it is right to refuse it.
    }
    const mayOpen = this.#model.mayOpen(file, client, owner, share.access, share.deny);
    expect(open !== undefined).toBe(mayOpen);
    if (open !== undefined) {
      this.#model.open({ stateId: open.stateId, client, owner, file, ...share });
    }
  }

  #opened(which: number): { model: ModelOpen; open: Open } | undefined {
    const { opens } = this.#model.state;
    const model = opens[which % Math.max(1, opens.length)];
    const open = model && this.#world.find(model.stateId, model.client, model.file);
    expect(open).not.toBeTypeOf('number');
    return model && { model, open: open as Open };
  }

  #downgrade({ which, access }: Extract<Step, { type: 'downgrade' }>): void {
    const opened = this.#opened(which);
    if (opened !== undefined && (access & ~opened.model.access) === 0) {
      this.#world.opens.downgrade(opened.open, access, opened.model.deny, undefined);
      opened.model.access = access;
    }
  }

  #close({ which }: Extract<Step, { type: 'close' }>): void {
    const opened = this.#opened(which);
    if (opened !== undefined) {
      this.#changesFiles ||= !this.#model.state.names.includes(opened.model.file);
      this.#world.opens.close(opened.open);
      this.#model.close(opened.model);
    }
  }

  #remove({ name }: Extract<Step, { type: 'remove' }>): void {
    const id = this.#model.state.names[name];
    if (id === undefined || this.#world.opens.isRemovalDenied(id)) {
      return;
    }
    this.#world.store.remove(rootId, bytes(String(name)));
    this.#world.reclaimIfUnused(id);
    this.#model.state.names[name] = undefined;
    this.#changesFiles = true;
  }

  #subject(opened: { open: Open }, kind: LockKind, owner: number) {
    return { kind, ownerKey: lockOwnerKey(opened.open.holder, bytes(String(owner))) };
  }

  #lock({ which, owner, kind, mode, range }: Extract<Step, { type: 'lock' }>): void {
    const opened = this.#opened(which);
    if (opened === undefined) {
      return;
    }
    const [first, last] = kind === 'flock' ? WHOLE : range;
    const wanted = { first: BigInt(first), last: BigInt(last), mode, pid: owner };
    const subject = this.#subject(opened, kind, owner);
    const conflict = this.#world.locks.lock(opened.open, subject, wanted);
    expect(conflict === undefined).toBe(
      this.#model.lock(opened.model, owner, kind, mode, [first, last]),
    );
  }

  #unlock({ which, owner, kind, range }: Extract<Step, { type: 'unlock' }>): void {
    const opened = this.#opened(which);
    if (opened === undefined) {
      return;
    }
    const [first, last] = kind === 'flock' ? WHOLE : range;
    const bytesOf = { first: BigInt(first), last: BigInt(last) };
    const subject = this.#subject(opened, kind, owner);
    this.#world.locks.unlock(opened.model.file, subject, bytesOf);
    this.#model.unlock(opened.model, owner, kind, [first, last]);
  }

  #endClient(client: bigint): void {
    this.#world.opens.closeAllOf(this.#world.client(client));
    this.#model.end(client);
    this.#changesFiles = true;
  }

  #commit(): void {
    this.#world.commit();
    this.#committed = structuredClone(this.#model.state);
    this.#changesFiles = false;
    this.#compare();
  }

  /** A commit that the database does not take: what is held is held, and recorded later. */
  #fail(): void {
    if (this.#changesFiles) {
      return;
    }
    this.#world.held.record();
    this.#world.store.rollback();
    this.#world.held.commitFailed();
    this.#world.commit();
    expect(this.#world.store.inTransaction).toBe(false);
    this.#world.monotonicMs += 1000;
  }

  #kill(clients: readonly bigint[]): void {
    this.#world = this.#world.killed({ clients, fleeting: [FLEETING] });
    this.#model.state = structuredClone(this.#committed);
    this.#changesFiles = false;
    for (const id of CLIENTS) {
      if (id === FLEETING || !clients.includes(id)) {
        this.#model.end(id);
      }
    }
    this.#compare();
    this.#commit();
  }

  #compare(): void {
    const { opens, locks, store, exported } = this.#world;
    expect(opens.size).toBe(this.#model.state.opens.length);
    for (const one of this.#model.state.opens) {
      const { access, deny, deniesRemoval } = one;
      expect(this.#world.find(one.stateId, one.client, one.file)).toMatchObject({
        ownerKey: `${one.client}:${one.owner}`,
        access,
        deny,
        deniesRemoval,
      });
      expect(exported.get(one.stateId)).toBe((access & 1) === 0 ? undefined : one.file);
    }
    expect(locks.size).toBe(this.#model.state.locks.reduce((sum, one) => sum + rangesOf(one), 0));
    for (const one of this.#model.state.locks) {
      this.#compareLocks(one);
    }
    reclaimAll(store);
    // The root is the one more.
    expect(store.statistics().files).toBe(this.#model.fileIds().size + 1);
    for (const id of this.#model.fileIds()) {
      expect(store.inode(id)).toBeDefined();
    }
  }

  /** Who holds nothing finds each byte locked by one of those who have locked it, or by nobody. */
  #compareLocks({ kind, file }: ModelLocks): void {
    const all = this.#model.state.locks.filter((one) => one.file === file && one.kind === kind);
    for (let byte = 0; byte < BYTES; byte += 1) {
      const range = { first: BigInt(byte), last: BigInt(byte) };
      const subject = { kind, ownerKey: 'nobody' };
      const conflict = this.#world.locks.test(file, subject, range, 'write');
      const found = conflict && [conflict.owner.key, conflict.range.mode, conflict.range.pid];
      const holders = all.flatMap(({ client, owner, bytes: locked }) =>
        locked[byte] === undefined ? [] : [[`${client}:${owner}`, locked[byte], owner]],
      );
      expect(holders.length === 0 ? [undefined] : holders).toContainEqual(found);
    }
  }
}

/** Runs of equal bytes. */
const rangesOf = ({ bytes: locked }: ModelLocks): number =>
  locked.filter((mode, index) => mode !== undefined && mode !== locked[index - 1]).length;

it('is after a kill what it was at the last commit', { timeout: 120_000 }, () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 80, size: 'max' }), (steps) => {
      const comparison = new Comparison();
      for (const one of steps) {
        comparison.perform(one);
      }
      comparison.perform({ type: 'commit' });
      comparison.perform({ type: 'kill' });
      comparison.end();
    }),
    { numRuns: 60 },
  );
});
