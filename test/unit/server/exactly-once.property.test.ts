/**
 * Clients that lose connections, answers and servers at random, and do what DECISIONS.md tells them to
 * do then: every request is executed once, and every answer that was given is the one that is found.
 */
import fc from 'fast-check';
import { afterEach, expect, it, vi } from 'vitest';
import { decodeResponseHeader, ResponseHeader } from '../../../client/protocol/headers.ts';
import { type ArgumentsOf, operations } from '../../../client/protocol/operations.ts';
import type { SessionId } from '../../../client/protocol/types.ts';
import { StateKind, StoreError } from '../../../server/store/index.ts';
import { Files } from './support/files.ts';
import { bytes, type TestConnection, TestServer, text } from './support/test-server.ts';

const STREAMS = 3;
const CLIENTS = 2;

type Call =
  | { readonly procedure: 'CREATE'; readonly args: ArgumentsOf<'CREATE'> }
  | { readonly procedure: 'REMOVE'; readonly args: ArgumentsOf<'REMOVE'> }
  | { readonly procedure: 'RENAME'; readonly args: ArgumentsOf<'RENAME'> };

/** Something that a client wants to be done once. */
interface Wish {
  readonly call: Call;
  /** What becomes of the names of the directory. */
  readonly removes: string | undefined;
  readonly adds: string | undefined;
  /** How it was sent last. */
  sessionId: SessionId;
  stream: number;
  sequenceNumber: number;
  /** The answer that the server gave, whether the client got it or not. */
  answer: unknown;
}

type Event = (world: World) => void;

class World {
  server = new TestServer();
  readonly servers = [this.server];
  readonly clients: Client[] = [];
  /** Names that are there, and that no request under way is about. */
  readonly names = new Set<string>();
  #lastName = 0;

  constructor() {
    for (let number = 0; number < CLIENTS; number += 1) {
      this.clients.push(new Client(this, `client ${number}`));
    }
  }

  newName(): string {
    this.#lastName += 1;
    return `name ${this.#lastName}`;
  }

  /** The process is killed: what was not committed is gone, and so are all connections. */
  kill(): void {
    this.server = this.server.successor();
    this.servers.push(this.server);
    for (const client of this.clients) {
      client.connection = undefined;
    }
  }

  /** The end of a batch: who is connected gets his answers. */
  answer(): void {
    this.server.engine.finish();
    for (const client of this.clients) {
      client.receive();
    }
  }

  /** What happens meanwhile, happens while the database cannot commit. */
  failToCommit(happen: Event): void {
    const { store } = this.server;
    vi.spyOn(store, 'commit').mockImplementationOnce(() => {
      store.rollback();
      throw new StoreError('EIO', 'the database failed');
    });
    happen(this);
    vi.restoreAllMocks();
  }

  close(): void {
    for (const server of this.servers.reverse()) {
      server.close();
    }
  }
}

class Client {
  connection: TestConnection | undefined;
  readonly #world: World;
  readonly #name: string;
  #clientId: bigint | undefined;
  #sessionId = 0n as SessionId;
  #root = new Uint8Array(64) as ArgumentsOf<'CREATE'>['filehandle'];
  #sequenceNumbers: number[] = [];
  #received = 0;
  /** Sent on this session and not answered, by stream. */
  #underWay = new Map<number, Wish>();
  /** Sent on lost sessions: nobody knows what has become of them. */
  #doubtful: Wish[] = [];
  #lostSessions = new Set<SessionId>();

  constructor(world: World, name: string) {
    this.#world = world;
    this.#name = name;
  }

  get isDone(): boolean {
    return this.connection !== undefined && this.#underWay.size + this.#doubtful.length === 0;
  }

  /** Does the next thing that is to be done for the client's recovery, if there is one. */
  recover(): void {
    if (this.connection === undefined) {
      this.#connect();
    } else if (this.#doubtful.length > 0) {
      this.#ask(this.connection, this.#doubtful[0] as Wish);
    } else {
      for (const sessionId of this.#lostSessions) {
        const discarded = this.connection.call('DISCARD_RESPONSES', { sessionId });
        expect(discarded.status).toBe('OK');
      }
      this.#lostSessions.clear();
    }
  }

  wish(stream: number, kind: number): void {
    if (this.connection === undefined || this.#underWay.has(stream)) {
      return;
    }
    const wish = this.#newWish(kind);
    if (wish.removes !== undefined) {
      this.#world.names.delete(wish.removes);
    }
    this.#send(this.connection, stream, wish);
  }

  /** Takes the answers that have come. */
  receive(): void {
    const { connection } = this;
    for (const message of connection?.sent.slice(this.#received) ?? []) {
      this.#received += 1;
      const header = new ResponseHeader();
      decodeResponseHeader(message, header);
      const wish = this.#underWay.get(header.streamId);
      if (wish?.sequenceNumber === header.seqNumber) {
        this.#underWay.delete(header.streamId);
        const response = connection?.decode(wish.call.procedure, message);
        this.#conclude(wish, response?.status);
      }
    }
  }

  /** Loses the connection, after the server has answered or not: the client sees none of it. */
  lose(afterAnswer: boolean): void {
    const { connection } = this;
    if (connection === undefined) {
      return;
    }
    if (afterAnswer) {
      this.#world.server.engine.finish();
      for (const message of connection.sent.slice(this.#received)) {
        const header = new ResponseHeader();
        decodeResponseHeader(message, header);
        const wish = this.#underWay.get(header.streamId);
        if (wish?.sequenceNumber === header.seqNumber) {
          const { status, results } = connection.decode(wish.call.procedure, message);
          wish.answer = status === 'OK' ? results : undefined;
        }
      }
    }
    connection.die();
    this.connection = undefined;
  }

  #connect(): void {
    const connection = this.#world.server.connection({ uid: 0, gid: 0 });
    const clientIdString = bytes(this.#name);
    const connected = connection.connect({ connect: { useResponseCache: true, clientIdString } });
    expect(connected.clientId).toBe(this.#clientId ?? connected.clientId);
    this.#clientId = connected.clientId;
    if (this.#sessionId !== 0n) {
      this.#lostSessions.add(this.#sessionId);
    }
    this.#sessionId = connected.sessionId;
    this.#sequenceNumbers = [];
    this.#doubtful.push(...this.#underWay.values());
    this.#underWay.clear();
    this.#root = new Files(connection).root;
    this.#received = connection.sent.length;
    this.connection = connection;
  }

  #ask(connection: TestConnection, wish: Wish): void {
    const stream = [...Array(STREAMS).keys()].find((free) => !this.#underWay.has(free));
    if (stream === undefined) {
      return;
    }
    this.#doubtful.shift();
    connection.submit('FETCH_RESPONSE', {
      sessionId: wish.sessionId,
      xidStream: wish.stream,
      xidSeq: wish.sequenceNumber,
      procedure: operations[wish.call.procedure].procedure,
    });
    this.#world.answer();
    const message = connection.sent.at(-1);
    const found = message && connection.decode(wish.call.procedure, message);
    if (found?.status === 'NOXID_MATCH') {
      expect(wish.answer).toBeUndefined();
      this.#send(connection, stream, wish);
      return;
    }
    if (wish.answer !== undefined) {
      expect(found?.results).toEqual(wish.answer);
    }
    this.#conclude(wish, found?.status);
  }

  #send(connection: TestConnection, stream: number, wish: Wish): void {
    const sequenceNumber = this.#sequenceNumbers[stream] ?? 0;
    this.#sequenceNumbers[stream] = sequenceNumber + 1;
    Object.assign(wish, { sessionId: this.#sessionId, stream, sequenceNumber });
    this.#underWay.set(stream, wish);
    const { procedure, args } = wish.call;
    connection.submit(procedure, args, { streamId: stream, seqNumber: sequenceNumber });
  }

  /** Done once, every wish succeeds; done twice, none would. */
  #conclude(wish: Wish, status: string | undefined): void {
    expect(['OK', 'IO']).toContain(status);
    const name = status === 'OK' ? wish.adds : wish.removes;
    if (name !== undefined) {
      this.#world.names.add(name);
    }
  }

  #newWish(kind: number): Wish {
    const sent = { sessionId: this.#sessionId, stream: 0, sequenceNumber: 0, answer: undefined };
    const [old] = this.#world.names;
    const filehandle = this.#root;
    if (old !== undefined && kind === 1) {
      const args = { filehandle, target: bytes(old), removeMode: 0 } as const;
      return { call: { procedure: 'REMOVE', args }, removes: old, adds: undefined, ...sent };
    }
    const name = this.#world.newName();
    if (old !== undefined && kind === 2) {
      const directories = { sourcedir: filehandle, targetdir: filehandle };
      const args = { ...directories, oldname: bytes(old), newname: bytes(name) };
      return { call: { procedure: 'RENAME', args }, removes: old, adds: name, ...sent };
    }
    const create = { objType: 2 } as const;
    const args = { filehandle, component: bytes(name), create, attr: { mode: 0o755 } };
    return { call: { procedure: 'CREATE', args }, removes: undefined, adds: name, ...sent };
  }
}

const client = fc.nat({ max: CLIENTS - 1 });
const of = (world: World, number: number): Client => world.clients[number] as Client;

const answer: Event = (world) => world.answer();
const lose = fc.tuple(client, fc.boolean()).map(
  ([number, after]) =>
    (world: World) =>
      of(world, number).lose(after),
);

/** What happens, and how often. */
const event: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.tuple(client, fc.nat({ max: STREAMS - 1 }), fc.nat({ max: 2 })).map(
      ([number, stream, kind]): Event =>
        (world) =>
          of(world, number).wish(stream, kind),
    ),
  },
  {
    weight: 6,
    arbitrary: client.map(
      (number): Event =>
        (world) =>
          of(world, number).recover(),
    ),
  },
  { weight: 3, arbitrary: fc.constant(answer) },
  { weight: 2, arbitrary: lose },
  { weight: 1, arbitrary: fc.constant<Event>((world) => world.failToCommit(answer)) },
  { weight: 1, arbitrary: lose.map((event) => (world: World) => world.failToCommit(event)) },
  { weight: 1, arbitrary: fc.constant<Event>((world) => world.kill()) },
  {
    weight: 1,
    arbitrary: fc.constant<Event>((world) => {
      world.server.store.commit();
      world.kill();
    }),
  },
);

/** Nothing happens any more until everybody knows what he wanted to know. */
function settle(world: World): void {
  while (world.clients.some((one) => !one.isDone)) {
    for (const one of world.clients) {
      one.recover();
    }
    world.answer();
  }
  for (const one of world.clients) {
    one.recover();
  }
}

function namesIn(world: World): string[] {
  const names: string[] = [];
  world.server.store.readDirectory(1 as never, 0, (name) => names.push(text(name)) > 0);
  return names.sort();
}

afterEach(() => {
  vi.restoreAllMocks();
});

it('executes every request once, whatever is lost', { timeout: 300_000 }, () => {
  fc.assert(
    fc.property(fc.array(event, { minLength: 10, maxLength: 60 }), (events) => {
      const world = new World();
      try {
        for (const happen of events) {
          happen(world);
        }
        settle(world);
        expect(namesIn(world)).toEqual([...world.names].sort());
        const { state } = world.server.store;
        const sessions = state.read(StateKind.SESSION, (key, value) => [key, value] as const);
        expect(sessions).toHaveLength(CLIENTS);
        for (const one of world.clients) {
          one.connection?.call('DISCONNECT', {});
        }
        for (const kind of [StateKind.CLIENT, StateKind.SESSION, StateKind.RESPONSE]) {
          expect(state.read(kind, (key, value) => [key, value] as const)).toEqual([]);
        }
      } finally {
        world.close();
      }
    }),
    { numRuns: 60 },
  );
});
