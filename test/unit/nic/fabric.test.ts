import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, test } from 'vitest';
import {
  beginConnect,
  ConnectionRequest,
  connect,
  createWorkCompletions,
  type DetachedRequest,
  Listener,
  Opcode,
  QueuePairState,
} from '../../../nic/index.ts';
import { closeDescriptor, createSocket, listenSocket } from '../../../nic/system-calls.ts';
import {
  bindSocketTo,
  connectSocketTo,
  receiveMessage,
  sendMessage,
} from '../../../nic/unix-socket.ts';
import {
  atEnd,
  cleanUp,
  completionsOf,
  connectPair,
  createArena,
  expectCode,
  fill,
  openSide,
  outcomes,
  piece,
  postReceive,
  rdmaOf,
  type Side,
  sendOf,
  socketPath,
  temporaryDirectory,
  text,
} from './support.ts';

afterEach(cleanUp);

function listen(path = socketPath()): Listener {
  const listener = Listener.listen(path);
  atEnd(() => listener.close());
  return listener;
}

function acceptNext(listener: Listener): ConnectionRequest {
  const request = listener.accept(1000);
  if (request === undefined) throw new Error('nobody connected');
  return request;
}

/** A socket that is connected and has said nothing. */
function mutePeer(path: string): number {
  const socket = createSocket();
  connectSocketTo(socket, path);
  return socket;
}

/** Descriptors of this process. */
function descriptorCount(): number {
  return readdirSync('/proc/self/fd').length;
}

describe('connect and accept', () => {
  test('exchange private data and credentials', () => {
    const [a, b] = [openSide(), openSide()];
    const listener = listen();
    const asked = randomBytes(1024);
    const answered = randomBytes(1024);
    const pending = beginConnect(listener.path, a.queuePair, { privateData: asked });
    const request = acceptNext(listener);
    expect(Buffer.compare(request.privateData, asked)).toBe(0);
    expect(request.peer.pid).toBe(process.pid);
    request.accept(b.queuePair, answered);
    expect(Buffer.compare(pending.finish(), answered)).toBe(0);
  });

  test('refuse more private data than fits', () => {
    const side = openSide();
    const privateData = new Uint8Array(1025);
    const listener = listen();
    const attempt = () => connect(listener.path, side.queuePair, { privateData });
    expectCode(attempt, 'INVALID_ARGUMENT');
    beginConnect(listener.path, side.queuePair);
    const request = acceptNext(listener);
    expectCode(() => request.accept(openSide().queuePair, privateData), 'INVALID_ARGUMENT');
    request.reject('enough');
  });

  test('either side may begin at once, before the other has noticed', () => {
    const [a, b] = [openSide(), openSide()];
    const listener = listen();
    postReceive(a, 1);
    const pending = beginConnect(listener.path, a.queuePair);
    acceptNext(listener).accept(b.queuePair);
    fill(b, 0, 'already written');
    b.queuePair.postSend(rdmaOf(b, a, Opcode.RDMA_WRITE, 1));
    b.queuePair.postSend(sendOf(b, 2));
    expect(outcomes(b.queue)).toEqual([[1, 0]]);
    pending.finish();
    expect(outcomes(a.queue)).toEqual([[1, 0]]);
    expect(text(a, 0, 15)).toBe('already written');
    expect(outcomes(b.queue)).toEqual([[2, 0]]);
  });

  test('regions registered between and after reach the peer too', () => {
    const [a, b] = [openSide(), openSide()];
    const listener = listen();
    const pending = beginConnect(listener.path, a.queuePair);
    const more = [createArena(4096, 'write'), createArena(4096, 'write')] as const;
    const between = a.domain.registerMemory(more[0], 0, 4096, a.region.access);
    acceptNext(listener).accept(b.queuePair);
    pending.finish();
    const after = a.domain.registerMemory(more[1], 64, 64, a.region.access);
    for (const { rkey, address } of [between, after]) {
      fill(b, 0, 'found');
      const request = { rkey, remoteAddress: address, sgList: [piece(b, 0, 5)] };
      b.queuePair.postSend(rdmaOf(b, a, Opcode.RDMA_WRITE, 1, request));
      expect(outcomes(b.queue)).toEqual([[1, 0]]);
    }
    expect(Buffer.from(more[0].memory.subarray(0, 5)).toString()).toBe('found');
    expect(Buffer.from(more[1].memory.subarray(64, 69)).toString()).toBe('found');
  });

  test('work with more arenas than one message carries, before and after', () => {
    const [a, b] = [openSide(), openSide()];
    const register = (side: Side) => {
      const arena = createArena(4096, 'write');
      return side.domain.registerMemory(arena, 0, 4096, side.region.access);
    };
    const regions = Array.from({ length: 200 }, () => register(a));
    connectPair(a.queuePair, b.queuePair);
    regions.push(...Array.from({ length: 400 }, () => register(a)));
    // The socket holds some of the news only; the rest follows while both sides work.
    for (let count = 0; count < 10; count++) {
      a.context.service();
      b.context.service();
    }
    for (const { rkey, address } of regions.reverse()) {
      b.queuePair.postSend(rdmaOf(b, a, Opcode.RDMA_WRITE, 1, { rkey, remoteAddress: address }));
      expect(outcomes(b.queue)).toEqual([[1, 0]]);
    }
  });

  test('many in turn leave no descriptors and no mappings behind', () => {
    const listener = listen();
    const round = () => {
      const [a, b] = [openSide(), openSide()];
      const pending = beginConnect(listener.path, a.queuePair);
      acceptNext(listener).accept(b.queuePair);
      pending.finish();
      a.context.close();
      completionsOf(b.queue);
      b.context.close();
      a.arena.close();
      b.arena.close();
    };
    round();
    const before = descriptorCount();
    for (let count = 0; count < 20; count++) round();
    expect(descriptorCount()).toBe(before);
  });
});

describe('refusals', () => {
  test('a rejection tells its reason, and the queue pair can ask again', () => {
    const [a, b] = [openSide(), openSide()];
    const listener = listen();
    const pending = beginConnect(listener.path, a.queuePair);
    acceptNext(listener).reject('not today');
    expect(() => pending.finish()).toThrowError(
      expect.objectContaining({
        code: 'ECONNREFUSED',
        message: expect.stringContaining('not today'),
      }),
    );
    const again = beginConnect(listener.path, a.queuePair);
    acceptNext(listener).accept(b.queuePair);
    again.finish();
    expect(a.queuePair.state).toBe(QueuePairState.RTS);
  });

  test('nobody listens', () => {
    const { queuePair } = openSide();
    const path = socketPath();
    expectCode(() => connect(path, queuePair), 'ENOENT');
    const socket = createSocket();
    bindSocketTo(socket, path);
    closeDescriptor(socket);
    expectCode(() => connect(path, queuePair), 'ECONNREFUSED');
    expectCode(() => connect(`/${'x'.repeat(200)}`, queuePair), 'ENAMETOOLONG');
  });

  test('no answer comes', () => {
    const { queuePair } = openSide();
    const listener = listen();
    const startMs = performance.now();
    expectCode(() => connect(listener.path, queuePair, { timeoutMs: 120 }), 'ETIMEDOUT');
    expect(performance.now() - startMs).toBeGreaterThan(110);
  });

  test('the listener closes instead of answering', () => {
    const [a, b] = [openSide(), openSide()];
    const listener = listen();
    const unheard = beginConnect(listener.path, a.queuePair);
    listener.close();
    expectCode(() => unheard.finish(), 'ECONNRESET');
    const other = listen();
    const heard = beginConnect(other.path, b.queuePair);
    expect(other.accept(0)).toBeDefined();
    other.close();
    expectCode(() => heard.finish(50), 'ETIMEDOUT');
  });

  test('the asking side leaves before it is accepted', () => {
    const [a, b] = [openSide(), openSide()];
    const listener = listen();
    const pending = beginConnect(listener.path, a.queuePair);
    const request = acceptNext(listener);
    expectCode(() => pending.finish(0), 'ETIMEDOUT');
    expectCode(() => request.accept(b.queuePair), 'ECONNRESET');
    expect(b.queuePair.state).toBe(QueuePairState.ERR);
  });

  test('a queue pair is connected once, a request settled once', () => {
    const [a, b] = [openSide(), openSide()];
    connectPair(a.queuePair, b.queuePair);
    const listener = listen();
    expectCode(() => beginConnect(listener.path, a.queuePair), 'QP_STATE');
    const c = openSide();
    beginConnect(listener.path, c.queuePair);
    const request = acceptNext(listener);
    expectCode(() => request.accept(b.queuePair), 'QP_STATE');
    request.accept(openSide().queuePair);
    expectCode(() => request.accept(openSide().queuePair), 'CLOSED');
    expectCode(() => request.reject('late'), 'CLOSED');
    expectCode(() => request.detach(), 'CLOSED');
  });
});

describe('peers that do not behave', () => {
  test('say nothing, and delay nobody; they are dropped when their time is over', () => {
    const listener = listen();
    const mute = mutePeer(listener.path);
    atEnd(() => closeDescriptor(mute));
    connectThrough(listener);
    expect(listener.accept(2300)).toBeUndefined();
    expect(receiveMessage(mute)).toBe('end');
  });

  test('say garbage, and are told off', () => {
    const listener = listen();
    const before = descriptorCount();
    for (const garbage of ['hello', 'x'.repeat(48), 'x'.repeat(4096), 'y'.repeat(9000)]) {
      const socket = mutePeer(listener.path);
      sendMessage(socket, Buffer.from(garbage), [socket, 0, 1]);
      expect(listener.accept(20)).toBeUndefined();
      const answer = receiveMessage(socket);
      if (answer === undefined || answer === 'end') throw new Error('no answer');
      expect(Buffer.from(answer.payload).toString()).toContain('a peer sent a message');
      expect(receiveMessage(socket)).toBe('end');
      closeDescriptor(socket);
    }
    expect(descriptorCount()).toBe(before);
    connectThrough(listener);
  });

  test('hang up at once', () => {
    const listener = listen();
    for (let count = 0; count < 50; count++) closeDescriptor(mutePeer(listener.path));
    connectThrough(listener);
  });

  test('come in hundreds', () => {
    const listener = listen();
    const sockets = Array.from({ length: 300 }, () => mutePeer(listener.path));
    connectThrough(listener);
    for (const socket of sockets) closeDescriptor(socket);
    connectThrough(listener);
  });

  function connectThrough(listener: Listener) {
    const [a, b] = [openSide(), openSide()];
    const pending = beginConnect(listener.path, a.queuePair);
    acceptNext(listener).accept(b.queuePair);
    pending.finish();
  }
});

describe('the socket file', () => {
  test('is for its owner alone and goes with the listener', () => {
    const listener = listen();
    expect(statSync(listener.path).mode & 0o777).toBe(0o600);
    listener.close();
    listener.close();
    expect(existsSync(listener.path)).toBe(false);
    expectCode(() => listener.accept(0), 'CLOSED');
  });

  test('of a dead process is taken over', () => {
    const path = socketPath();
    const dead = createSocket();
    bindSocketTo(dead, path);
    listenSocket(dead, 1);
    closeDescriptor(dead);
    expect(existsSync(path)).toBe(true);
    const listener = listen(path);
    expect(listener.accept(0)).toBeUndefined();
  });

  test('of a living process is not, nor is a file of another kind', () => {
    const listener = listen();
    expect(() => Listener.listen(listener.path)).toThrowError(
      expect.objectContaining({
        code: 'EADDRINUSE',
        message: expect.stringContaining('a running process listens there'),
      }),
    );
    const file = join(temporaryDirectory(), 'file');
    writeFileSync(file, 'precious');
    expectCode(() => Listener.listen(file), 'EADDRINUSE');
    expect(existsSync(file)).toBe(true);
  });

  test('of a living process whose backlog is full is not either', () => {
    const path = socketPath();
    const busy = createSocket();
    atEnd(() => closeDescriptor(busy));
    bindSocketTo(busy, path);
    listenSocket(busy, 0);
    const waiting = mutePeer(path);
    atEnd(() => closeDescriptor(waiting));
    expectCode(() => Listener.listen(path), 'EADDRINUSE');
    const { queuePair } = openSide();
    expectCode(() => connect(path, queuePair, { timeoutMs: 50 }), 'ETIMEDOUT');
  });

  test('is left alone when another listener has put its own there', () => {
    const path = socketPath();
    const first = listen(path);
    // As when somebody cleans up by hand while the server runs.
    unlinkSync(path);
    listen(path);
    first.close();
    expect(existsSync(path)).toBe(true);
  });

  test('cannot be where there is no directory, or by too long a name', () => {
    expectCode(() => Listener.listen('/nowhere/at/all'), 'ENOENT');
    const path = join(temporaryDirectory(), 'x'.repeat(120));
    expectCode(() => Listener.listen(path), 'ENAMETOOLONG');
  });
});

describe('in the event loop', () => {
  test('requests come to whom waits for them, in turn', async () => {
    const listener = listen();
    const expected = [listener.acceptAsync(), listener.acceptAsync()];
    const asking = [openSide(), openSide()];
    const pending = asking.map(({ queuePair }) => beginConnect(listener.path, queuePair));
    for (const [index, request] of (await Promise.all(expected)).entries()) {
      request.accept(openSide().queuePair);
      pending[index]?.finish();
    }
    const third = openSide();
    const last = beginConnect(listener.path, third.queuePair);
    (await listener.acceptAsync()).accept(openSide().queuePair);
    last.finish();
  });

  test('a mute peer delays nobody and is dropped', { timeout: 10_000 }, async () => {
    const listener = listen();
    const next = listener.acceptAsync();
    const mute = mutePeer(listener.path);
    atEnd(() => closeDescriptor(mute));
    await new Promise((resolve) => setTimeout(resolve, 50));
    const side = openSide();
    beginConnect(listener.path, side.queuePair);
    (await next).reject('enough');
    const another = listener.acceptAsync();
    another.catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 2300));
    expect(receiveMessage(mute)).toBe('end');
  });

  test('closing ends the waiting', async () => {
    const listener = listen();
    const waiting = listener.acceptAsync();
    const expectation = expect(waiting).rejects.toMatchObject({ code: 'CLOSED' });
    listener.close();
    await expectation;
    await expect(listener.acceptAsync()).rejects.toMatchObject({ code: 'CLOSED' });
  });
});

describe('a request that moves to another thread', () => {
  test('is served there', { timeout: 10_000 }, async () => {
    const listener = listen();
    const side = openSide();
    const pending = beginConnect(listener.path, side.queuePair, {
      privateData: Buffer.from('for the worker'),
    });
    const worker = new Worker(new URL('./echo-worker.ts', import.meta.url));
    atEnd(() => worker.terminate());
    worker.postMessage(acceptNext(listener).detach());
    await new Promise((resolve) => worker.once('message', resolve));
    expect(Buffer.from(pending.finish()).toString()).toBe('heard: for the worker');
    const group = side.context.createCompletionGroup();
    group.add(side.queue);
    const completions = createWorkCompletions(4);
    for (let count = 0; count < 100; count++) {
      postReceive(side, count);
      side.arena.view.setUint32(0, count, true);
      side.queuePair.postSend(sendOf(side, 0, { flags: 0, sgList: [piece(side, 0, 4)] }));
      expect(group.wait(completions, 2000)).toBe(1);
      expect(completions[0]).toMatchObject({ wrId: count, status: 0 });
      expect(side.arena.view.getUint32(0x8000, true)).toBe(count);
    }
    expect(side.queuePair.peer?.pid).toBe(process.pid);
  });

  test('can be rejected where it arrives', () => {
    const listener = listen();
    const side = openSide();
    const pending = beginConnect(listener.path, side.queuePair);
    const detached: DetachedRequest = structuredClone(acceptNext(listener).detach());
    ConnectionRequest.attach(detached).reject('over here');
    expect(() => pending.finish()).toThrowError(/over here/);
  });
});
