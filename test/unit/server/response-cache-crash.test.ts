import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { MessageBuffer } from '../../../client/protocol/message-buffer.ts';
import { fsck } from '../../../server/fsck/fsck.ts';
import { StoreError } from '../../../server/store/index.ts';
import { killedCopy } from '../store/support/stores.ts';
import { Files } from './support/files.ts';
import { ManualLogSync } from './support/manual-log-sync.ts';
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

describe('after the server was killed', () => {
  it('tells what was answered', () => {
    const lost = new Client();
    const { results } = lost.mkdir('done', 7);
    restart();
    const client = new Client();
    expect(client.has('done')).toBe(true);
    expect(client.check(lost.sessionId, 7)).toBe('OK');
    expect(client.fetch(lost.sessionId, 7, 'CREATE').results).toEqual(results);
  });

  it('tells what was committed, though it was not answered', () => {
    const lost = new Client();
    lost.submitMkdir('done', 7);
    server.store.commit();
    restart();
    const client = new Client();
    expect(client.check(lost.sessionId, 7)).toBe('OK');
    expect(client.mkdir('done', 1).status).toBe('EXIST');
  });

  it('tells what was executed and not committed as not done, and it was not', () => {
    const lost = new Client();
    lost.submitMkdir('lost', 7);
    restart();
    const client = new Client();
    expect(client.check(lost.sessionId, 7)).toBe('NOXID_MATCH');
    expect(client.mkdir('lost', 1).status).toBe('OK');
  });

  it('tells it again after it was killed again', () => {
    const lost = new Client();
    lost.mkdir('done', 7);
    restart();
    const between = new Client();
    between.mkdir('between', 1);
    restart();
    const client = new Client();
    expect(client.check(lost.sessionId, 7)).toBe('OK');
    expect(client.check(between.sessionId, 1)).toBe('OK');
  });

  it('fsck finds nothing wrong with what is left', () => {
    const lost = new Client();
    lost.connection.registerCredential({ uid: 7, gid: 8, groups: [] });
    lost.mkdir('done', 7);
    lost.connection.die();
    new Client().mkdir('more', 1);
    expect(fsck(killedCopy(server.store), { isRepair: false }).findings).toEqual([]);
  });

  it('gives nothing to others', () => {
    const lost = new Client();
    lost.mkdir('mine', 1);
    restart();
    expect(new Client('other').check(lost.sessionId, 1)).toBe('NOT_AUTHORIZED');
  });

  it('knows nothing of clients whose processes have ended', () => {
    const lost = new Client();
    lost.mkdir('mine', 1);
    restart([1]);
    expect(new Client().check(lost.sessionId, 1)).toBe('UNKNOWN_SESSION');
  });
});

describe('when the commit fails', () => {
  it('nothing is told to be done, nor kept', () => {
    const lost = new Client();
    lost.mkdir('before', 1);
    const { store } = server;
    vi.spyOn(store, 'commit').mockImplementationOnce(() => {
      store.rollback();
      throw new StoreError('EIO', 'the database failed');
    });
    expect(lost.mkdir('undone', 2).status).toBe('IO');
    expect(server.faults.splice(0)).toHaveLength(1);
    lost.connection.die();
    const client = new Client();
    expect(client.check(lost.sessionId, 2)).toBe('NOXID_MATCH');
    expect(client.check(lost.sessionId, 1)).toBe('OK');
    expect(client.has('undone')).toBe(false);
  });

  it('no session has begun', () => {
    const { store } = server;
    vi.spyOn(store, 'commit').mockImplementationOnce(() => {
      store.rollback();
      throw new StoreError('EIO', 'the database failed');
    });
    expect(() => new Client()).toThrow('IO');
    expect(server.faults.splice(0)).toHaveLength(1);
    expect(server.service.sessions).toMatchObject({ sessionCount: 0, clientCount: 0 });
    expect(new Client().mkdir('there', 1).status).toBe('OK');
  });
});

describe('a stable append', () => {
  let disk: ManualLogSync;
  let lost: Client;
  beforeEach(() => {
    disk = new ManualLogSync();
    server = new TestServer({ openLogSync: () => disk });
    servers.push(server);
    lost = new Client();
    const file = new Files(lost.connection).create('file');
    const how = { stableHow: 2, writePadded: false, cacheHint: 0 } as const;
    const append = { ...file, ...how, data: bytes('data') };
    lost.connection.submit('APPEND_INLINE', append, { streamId: 1, seqNumber: 1 });
    lost.connection.die();
  });

  const asked = (client: Client): number => {
    const count = client.connection.sent.length;
    const args = requestOf(lost.sessionId, 1, 'APPEND_INLINE', 1);
    client.connection.submit('FETCH_RESPONSE', args);
    server.engine.finish();
    return count;
  };

  it('is told of when its data are on the disk', () => {
    const client = new Client();
    const count = asked(client);
    expect(client.connection.sent).toHaveLength(count);
    disk.end();
    server.engine.finish();
    const [answer] = client.connection.sent.slice(count);
    const { status, results } = client.connection.decode('APPEND_INLINE', answer as MessageBuffer);
    expect([status, results.offset, results.committed]).toEqual(['OK', 0, 2]);
  });

  it('is not told of when they are not', () => {
    const client = new Client();
    const count = asked(client);
    disk.end(new StoreError('EIO', 'the disk failed'));
    server.engine.finish();
    const [answer] = client.connection.sent.slice(count);
    const { status } = client.connection.decode('APPEND_INLINE', answer as MessageBuffer);
    expect(status).toBe('IO');
    server.faults.splice(0);
  });
});
