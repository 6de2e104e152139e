import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ChainFlag } from '../../../client/protocol/constants.ts';
import type { SessionId } from '../../../client/protocol/types.ts';
import { defaultLimits } from '../../../server/sessions/limits.ts';
import { StateKind } from '../../../server/store/index.ts';
import { Files, guarded, openArguments } from './support/files.ts';
import { type ClientOptions, RecoveringClient, requestOf } from './support/recovering-client.ts';
import { bytes, TestServer } from './support/test-server.ts';

let servers: TestServer[];
let server: TestServer;
beforeEach(() => {
  server = new TestServer();
  servers = [server];
});
afterEach(() => {
  for (const one of servers.reverse()) {
    expect(one.faults).toEqual([]);
    one.close();
  }
});

class Client extends RecoveringClient {
  constructor(...rest: ClientOptions) {
    super(server, ...rest);
  }
}

/** The server is killed, and a new one serves what is left. */
function restart(ended: readonly number[] = []): void {
  server = server.successor({ endedProcesses: ended });
  servers.push(server);
}

describe('after a connection was lost', () => {
  it('tells what was done, with the very answer', () => {
    const lost = new Client();
    const { results } = lost.mkdir('done', 7);
    lost.connection.die();
    const client = new Client();
    expect(client.check(lost.sessionId, 7)).toBe('OK');
    const fetched = client.fetch(lost.sessionId, 7, 'CREATE');
    expect(fetched.status).toBe('OK');
    expect(fetched.results).toEqual(results);
  });

  it('tells what was not done', () => {
    const lost = new Client();
    lost.mkdir('done', 7);
    lost.connection.die();
    const client = new Client();
    expect(client.check(lost.sessionId, 8)).toBe('NOXID_MATCH');
    expect(client.check(lost.sessionId, 7, 'REMOVE')).toBe('NOXID_MATCH');
    expect(client.check(lost.sessionId, 7, 'CREATE', 1)).toBe('NOXID_MATCH');
    expect(client.fetch(lost.sessionId, 8, 'CREATE').status).toBe('NOXID_MATCH');
    expect(client.fetch(lost.sessionId, 8, 'CREATE').results).toEqual({});
  });

  it('answers both in one chain', () => {
    const lost = new Client();
    lost.mkdir('done', 7);
    lost.connection.die();
    const { connection } = new Client();
    const ask = (xidSeq: number) => {
      const args = requestOf(lost.sessionId, xidSeq, 'CREATE', 0);
      const { status } = connection.call('CHECK_RESPONSE', args, {
        chainFlags: ChainFlag.DAFS_CHF_FORW,
      });
      return [
        status,
        connection.call('FETCH_RESPONSE', args, { chainFlags: ChainFlag.DAFS_CHF_BACK }).status,
      ];
    };
    expect(ask(7)).toEqual(['OK', 'OK']);
    expect(ask(8)).toEqual(['NOXID_MATCH', 'CHAIN_BROKEN']);
  });

  it('keeps the latest of each stream', () => {
    const lost = new Client();
    lost.mkdir('one', 1);
    lost.mkdir('two', 1, 3);
    lost.mkdir('three', 2);
    lost.connection.die();
    const client = new Client();
    expect(client.check(lost.sessionId, 1)).toBe('NOXID_MATCH');
    expect(client.check(lost.sessionId, 2)).toBe('OK');
    expect(client.check(lost.sessionId, 1, 'CREATE', 3)).toBe('OK');
  });

  it('keeps nothing of what failed, and nothing of what can be done again', () => {
    const lost = new Client();
    lost.mkdir('there', 1);
    expect(lost.mkdir('there', 2).status).toBe('EXIST');
    const file = new Files(lost.connection).create('file');
    const numbers = { streamId: 2, seqNumber: 40 };
    const write = { ...file, offset: 0, stableHow: 0, writePadded: false, cacheHint: 0 } as const;
    const data = bytes('data');
    expect(lost.connection.call('WRITE_INLINE', { ...write, data }, numbers).status).toBe('OK');
    lost.connection.die();
    const client = new Client();
    expect(client.check(lost.sessionId, 2)).toBe('NOXID_MATCH');
    expect(client.check(lost.sessionId, 40, 'WRITE_INLINE', 2)).toBe('NOXID_MATCH');
  });

  it('keeps a request of a chain that is marked', () => {
    const lost = new Client();
    const { DAFS_CHF_FORW, DAFS_CHF_BACK, DAFS_CHF_SAVE } = ChainFlag;
    const look = { directory: lost.root, path: [bytes('.')] };
    lost.mkdir('sub', 1);
    look.path = [bytes('sub')];
    const chainFlags = DAFS_CHF_FORW | DAFS_CHF_SAVE;
    const marked = lost.connection.call('LOOKUP', look, { chainFlags, seqNumber: 9, streamId: 1 });
    lost.connection.call('LOOKUP', look, { chainFlags: DAFS_CHF_BACK, seqNumber: 9, streamId: 2 });
    lost.connection.die();
    const client = new Client();
    expect(client.fetch(lost.sessionId, 9, 'LOOKUP', 1).results).toEqual(marked.results);
    expect(client.check(lost.sessionId, 9, 'LOOKUP', 2)).toBe('NOXID_MATCH');
  });

  it('keeps what changes opens', () => {
    const lost = new Client();
    const how = openArguments(lost.root, 'file', { open: guarded() });
    const opened = lost.connection.call('OPEN', how, { streamId: 0, seqNumber: 5 });
    expect(opened.status).toBe('OK');
    const { filehandle, stateId } = opened.results;
    lost.connection.call('CLOSE', { filehandle, stateId }, { streamId: 1, seqNumber: 5 });
    lost.connection.die();
    const client = new Client();
    expect(client.fetch(lost.sessionId, 5, 'OPEN').results).toEqual(opened.results);
    expect(client.check(lost.sessionId, 5, 'CLOSE', 1)).toBe('OK');
  });

  it('executes nothing more that was sent before, though the loss was not noticed', () => {
    const lost = new Client();
    const client = new Client();
    expect(client.check(lost.sessionId, 1)).toBe('NOXID_MATCH');
    expect(lost.connection.closeReason).toBeDefined();
  });

  it('tells of what was executed in the same batch, when that is committed', () => {
    const lost = new Client();
    const client = new Client();
    lost.submitMkdir('now', 1);
    expect(client.check(lost.sessionId, 1)).toBe('OK');
    expect(client.has('now')).toBe(true);
  });
});

describe('what is asked for', () => {
  it('is no other client’s', () => {
    const lost = new Client();
    lost.mkdir('mine', 1);
    const others = [
      new Client('other'),
      new Client('stranger', { authReq: { authType: 3 } }, 1234),
    ];
    for (const other of others) {
      expect(other.check(lost.sessionId, 1)).toBe('NOT_AUTHORIZED');
      expect(other.fetch(lost.sessionId, 1, 'CREATE').status).toBe('NOT_AUTHORIZED');
      expect(other.discard(lost.sessionId)).toBe('NOT_AUTHORIZED');
    }
    expect(lost.connection.closeReason).toBeUndefined();
    lost.connection.die();
    expect(others[0]?.check(lost.sessionId, 1)).toBe('NOT_AUTHORIZED');
    expect(new Client().check(lost.sessionId, 1)).toBe('OK');
  });

  it('is not the session that asks, and none that nobody knows', () => {
    const client = new Client();
    client.mkdir('there', 1);
    expect(client.check(client.sessionId, 1)).toBe('INVAL');
    expect(client.check(4711n as SessionId, 1)).toBe('UNKNOWN_SESSION');
    expect(client.fetch(4711n as SessionId, 1, 'CREATE').status).toBe('UNKNOWN_SESSION');
    expect(client.discard(4711n as SessionId)).toBe('UNKNOWN_SESSION');
  });
});

describe('responses go', () => {
  it('when they are discarded', () => {
    const lost = new Client();
    lost.mkdir('done', 1);
    lost.connection.die();
    const client = new Client();
    expect(client.discard(lost.sessionId)).toBe('OK');
    expect(client.check(lost.sessionId, 1)).toBe('UNKNOWN_SESSION');
    restart();
    expect(new Client().check(lost.sessionId, 1)).toBe('UNKNOWN_SESSION');
  });

  it('when the session is disconnected', () => {
    const client = new Client();
    const other = new Client();
    other.mkdir('done', 1);
    other.connection.call('DISCONNECT', {});
    expect(client.check(other.sessionId, 1)).toBe('UNKNOWN_SESSION');
  });

  it('with the client', () => {
    const lost = new Client();
    lost.mkdir('done', 1);
    lost.connection.die();
    server.monotonicMs += defaultLimits.leaseMs;
    server.engine.closeOverdue();
    server.engine.finish();
    restart();
    expect(new Client().check(lost.sessionId, 1)).toBe('UNKNOWN_SESSION');
    const { state } = server.store;
    expect(state.read(StateKind.SESSION, (key, value) => [key, value] as const)).toHaveLength(1);
    expect(state.read(StateKind.RESPONSE, (key, value) => [key, value] as const)).toEqual([]);
  });

  it.each([
    ['many', { maxLostSessionsPerClient: 2 }],
    // Each answer to a mkdir takes more than 84 bytes, and less than 125.
    ['much', { maxLostResponseBytesPerClient: 250 }],
  ])('the oldest first, when a client leaves too %s', (_what, limits) => {
    server = new TestServer({ limits });
    servers.push(server);
    const lost = [1, 2, 3].map((number) => {
      const client = new Client();
      client.mkdir(`${number}`, number);
      client.connection.die();
      return client.sessionId;
    });
    const client = new Client();
    const answers = lost.map((id, index) => client.check(id, index + 1));
    expect(answers).toEqual(['UNKNOWN_SESSION', 'OK', 'OK']);
  });
});

describe('a request that comes twice on its session', () => {
  it('is executed once, and answered the same', () => {
    const client = new Client();
    const first = client.mkdir('once', 3);
    const second = client.mkdir('once', 3);
    expect([first.status, second.status]).toEqual(['OK', 'OK']);
    expect(second.results).toEqual(first.results);
  });

  it('is refused when it is another one', () => {
    const client = new Client();
    client.mkdir('once', 3);
    expect(client.connection.call('NULL', {}, { streamId: 0, seqNumber: 3 }).status).toBe('INVAL');
  });

  it('is not taken for one of 65,536 requests earlier', () => {
    const client = new Client();
    client.mkdir('early', 3);
    for (const seqNumber of [4, 0x8002, 0x8003, 0xffff, 2]) {
      expect(client.connection.call('NULL', {}, { streamId: 0, seqNumber }).status).toBe('OK');
    }
    expect(client.mkdir('late', 3).status).toBe('OK');
    expect(client.has('late')).toBe(true);
  });
});
