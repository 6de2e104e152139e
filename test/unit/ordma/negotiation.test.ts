/** Who may read the cache without a message, and who may not. */
import { afterEach, describe, expect, it } from 'vitest';
import { AuthType, Extension } from '../../../client/protocol/index.ts';
import { SERVER_UID, TestServer, type TestServerOptions } from '../server/support/test-server.ts';

const servers: TestServer[] = [];

function serverWith(options: TestServerOptions): TestServer {
  const server = new TestServer(options);
  servers.push(server);
  return server;
}

afterEach(() => {
  for (const server of servers.splice(0)) {
    expect(server.faults).toEqual([]);
    server.close();
  }
});

/** What a client of this user is granted, and what becomes of ORDMA_EXPORT. */
function outcomeFor(server: TestServer, uid: number, authType: number) {
  const client = server.client({
    peer: { uid, gid: uid },
    connect: { authReq: { authType: authType as typeof DAFS_AUTH_NONE } },
  });
  const before = client.call('ORDMA_EXPORT', {}).status;
  const { granted } = client.call('EXTENSIONS', { wanted: [Extension.ORDMA] }).results;
  return { before, granted, after: client.call('ORDMA_EXPORT', {}).status };
}

const { DAFS_AUTH_NONE, DAFS_AUTH_DEFAULT } = AuthType;
const refused = { before: 'NOTSUPP', granted: [], after: 'NOTSUPP' };
const granted = { before: 'NOTSUPP', granted: [Extension.ORDMA], after: 'OK' };

describe('ORDMA', () => {
  it.each([
    ["the server's own user", SERVER_UID, DAFS_AUTH_NONE, granted],
    ['root', 0, DAFS_AUTH_NONE, granted],
    ['another user', 1234, DAFS_AUTH_DEFAULT, refused],
    ["the server's user, who does without trust", SERVER_UID, DAFS_AUTH_DEFAULT, refused],
  ])('is for clients that are trusted: %s', (_, uid, authType, expected) => {
    expect(outcomeFor(serverWith({ ordma: true }), uid, authType)).toEqual(expected);
  });

  it('is for nobody where the server does not export its cache', () => {
    expect(outcomeFor(serverWith({ ordma: false }), 0, DAFS_AUTH_NONE)).toEqual(refused);
  });

  it('is told of the slots that were read, and of none that there are not', () => {
    const server = serverWith({ ordma: true, cacheBytes: 1 << 20 });
    const client = server.client();
    client.call('EXTENSIONS', { wanted: [Extension.ORDMA] });
    const slots = (1 << 20) / server.store.blockBytes;
    const told = (firstSlot: number, bytes: number) =>
      client.call('ORDMA_USED', { firstSlot, used: new Uint8Array(bytes).fill(0xff) }).status;
    expect(told(0, slots / 8)).toBe('OK');
    expect(told(slots - 8, 1)).toBe('OK');
    expect(told(0, 0)).toBe('OK');
    expect(told(0, slots / 8 + 1)).toBe('INVAL');
    expect(told(slots, 1)).toBe('INVAL');
    expect(told(4, 1)).toBe('INVAL');
  });

  it('tells where the cache is', () => {
    const server = serverWith({ ordma: true, cacheBytes: 1 << 20 });
    const client = server.client();
    client.call('EXTENSIONS', { wanted: [Extension.ORDMA] });
    const { results } = client.call('ORDMA_EXPORT', {});
    const { layout } = server.service.exported ?? {};
    expect(results).toMatchObject({
      handle: 7,
      address: 4096,
      byteCount: layout?.bytes,
      blockBytes: server.store.blockBytes,
      slots: (1 << 20) / server.store.blockBytes,
    });
  });
});
