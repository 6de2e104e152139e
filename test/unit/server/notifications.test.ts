/** What clients are told of each other's changes (extension NOTIFY). */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Extension, OPEN_COHERENT } from '../../../client/protocol/extensions.ts';
import { type OperationName, operations } from '../../../client/protocol/operations.ts';
import type { Filehandle } from '../../../client/protocol/types.ts';
import { dispatchTable } from '../../../server/engine/dispatch.ts';
import type { ReceivedDirective } from './support/back-control.ts';
import { Files, openArguments, unchecked } from './support/files.ts';
import { type Changes, ROOT_USER, Subscriber, told } from './support/subscriber.ts';
import { bytes, TestServer } from './support/test-server.ts';

const ROOT = 1;

let server: TestServer;
beforeEach(() => {
  server = new TestServer();
});
afterEach(() => {
  expect(server.faults).toEqual([]);
  server.close();
});

const otherClient = (name = 'other') =>
  new Files(server.client({ peer: ROOT_USER, connect: { clientIdString: bytes(name) } }));

const idOf = (files: Files, filehandle: Filehandle) =>
  files.attributes(filehandle).fileId as number;

/** All of a file's data, and its attributes alone. */
const whole = { isData: true, offset: 0, length: 0 };
const attributes = { isData: false, offset: 0, length: 0 };

describe('SUBSCRIBE', () => {
  it('tells whether there are other clients, and so do messages afterwards', () => {
    const subscriber = new Subscriber(server);
    expect(subscriber.alone).toBe(true);
    expect(subscriber.settle().alone).toBeUndefined();
    const other = otherClient();
    expect(subscriber.settle().alone).toBe(false);
    expect(new Subscriber(server, { name: 'third' }).alone).toBe(false);
    expect(subscriber.settle().alone).toBeUndefined();
    other.connection.die();
    expect(subscriber.settle().alone).toBeUndefined();
  });

  it('tells the last client that it is alone again', () => {
    const subscriber = new Subscriber(server);
    const other = otherClient();
    const { filehandle } = other.create('file');
    const id = idOf(other, filehandle);
    other.connection.call('DISCONNECT', {});
    // What the other did before it went comes no later than the news that it went.
    const message = subscriber.take().map(({ args }) => args as Changes);
    expect(message[0]?.alone).toBe(false);
    const end = subscriber.settle();
    expect(end.alone).toBe(true);
    expect(Object.keys({ ...told(message).files, ...end.files })).toContain(String(id));
  });

  it('counts a client once, whatever sessions it has', () => {
    const subscriber = new Subscriber(server);
    const session = server.client({
      peer: ROOT_USER,
      connect: { clientIdString: bytes('subscriber') },
    });
    expect(subscriber.settle().alone).toBeUndefined();
    new Files(session).create('own');
    expect(subscriber.settle().files).toEqual({});
  });

  it('needs the extension, which only trusted clients get, and a back-control channel', () => {
    const untrusted = server.client({
      peer: { uid: 1234 },
      connect: { clientIdString: bytes('untrusted'), authReq: { authType: 3 } },
    });
    const wanted = [Extension.NOTIFY];
    expect(untrusted.call('EXTENSIONS', { wanted }).results.granted).toEqual([]);
    expect(untrusted.call('SUBSCRIBE', { wantsNames: true }).status).toBe('NOTSUPP');
    const trusted = server.client();
    expect(trusted.call('EXTENSIONS', { wanted }).results.granted).toEqual(wanted);
    expect(trusted.call('SUBSCRIBE', { wantsNames: true }).status).toBe('ILLEGAL_STATE');
  });

  it('leaves nothing to be recorded while there is one client alone', () => {
    const subscriber = new Subscriber(server);
    expect(server.store.changes.watcher).toBeUndefined();
    const other = otherClient();
    expect(server.store.changes.watcher).toBeDefined();
    other.connection.die();
    expect(server.store.changes.watcher).toBeUndefined();
    subscriber.connection.die();
    otherClient('one');
    otherClient('two');
    expect(server.store.changes.watcher).toBeUndefined();
  });
});

describe('what is told', () => {
  /**
   * Each procedure that changes the file system: what a client does, and what others are told. It
   * begins with the file `f` of 10 bytes and its second name `g`, and the directory `d`.
   */
  const scenarios: Readonly<
    Record<
      string,
      (
        files: Files,
        ids: { readonly f: number; readonly d: number },
        file: ReturnType<Files['create']>,
        directory: Filehandle,
      ) => { files: object; names?: string[] }
    >
  > = {
    WRITE_INLINE(files, { f }, file) {
      files.write(file, 4, 'abc');
      return { files: { [f]: { isData: true, offset: 4, length: 3 } } };
    },
    WRITE_DIRECT(files, { f }, file) {
      const buffer = files.connection.remoteMemory.register(bytes('0123456789abcdef'));
      files.connection.call('WRITE_DIRECT', {
        ...file,
        offset: 100,
        byteCount: 16,
        stableHow: 0,
        directChecksum: 0,
        cacheHint: 0,
        writeDataBuffers: [buffer],
      });
      return { files: { [f]: { isData: true, offset: 100, length: 16 } } };
    },
    APPEND_INLINE(files, { f }, file) {
      files.append(file, 'abc');
      return { files: { [f]: { isData: true, offset: 10, length: 3 } } };
    },
    APPEND_DIRECT(files, { f }, file) {
      files.appendDirect(file, bytes('0123456789abcdef'));
      return { files: { [f]: { isData: true, offset: 10, length: 16 } } };
    },
    SETATTR_INLINE(files, { f }, { filehandle }) {
      files.setAttributes(filehandle, { mode: 0o600 });
      return { files: { [f]: attributes } };
    },
    SETATTR_DIRECT(files, { f }, { filehandle }) {
      files.setAttributes(filehandle, { objectSize: 5 });
      return { files: { [f]: { isData: true, offset: 5, length: 0 } } };
    },
    CREATE(files, { d }, _file, directory) {
      const made = files.mkdir('sub', 0o755, directory);
      return { files: { [d]: whole, [idOf(files, made)]: attributes }, names: [`${d}/sub`] };
    },
    OPEN(files, { f }) {
      files.open('f', { open: unchecked({ objectSize: 0 }) });
      return { files: { [f]: whole } };
    },
    LINK(files, { f, d }, { filehandle }, directory) {
      files.connection.call('LINK', {
        sourceObject: filehandle,
        destinationObject: directory,
        newname: bytes('h'),
      });
      return { files: { [f]: attributes, [d]: whole }, names: [`${d}/h`] };
    },
    REMOVE(files, { f }) {
      files.remove('g');
      return { files: { [f]: attributes, [ROOT]: whole }, names: [`${ROOT}/g`] };
    },
    RENAME(files, { f, d }, _file, directory) {
      files.rename('f', 'moved', files.root, directory);
      return {
        files: { [f]: attributes, [ROOT]: whole, [d]: whole },
        names: [`${ROOT}/f`, `${d}/moved`],
      };
    },
    CLOSE(files, _ids, { filehandle, stateId }) {
      files.connection.call('CLOSE', { filehandle, stateId });
      return { files: {} };
    },
    COMMIT(files, _ids, { filehandle }) {
      files.connection.call('COMMIT', { filehandle, offset: 0, count: 0 });
      return { files: {} };
    },
  };

  it.each(Object.entries(scenarios))('of %s', (_, scenario) => {
    const subscriber = new Subscriber(server);
    const other = otherClient();
    const file = other.create('f');
    other.write(file, 0, '0123456789');
    const directory = other.mkdir('d').slice() as Filehandle;
    other.connection.call('LINK', {
      sourceObject: file.filehandle,
      destinationObject: other.root,
      newname: bytes('g'),
    });
    const ids = { f: idOf(other, file.filehandle), d: idOf(other, directory) };
    subscriber.settle();
    const expected = scenario(other, ids, file, directory);
    const actual = subscriber.settle();
    expect(actual.files).toEqual(expected.files);
    expect(actual.names).toEqual(expected.names ?? []);
    expect(actual.everything).toBe(false);
  });

  it('covers every procedure of the draft that changes the file system', () => {
    const names = Object.keys(operations) as OperationName[];
    const changing = names.filter((name) => {
      const { category, procedure } = operations[name];
      const isOurs = procedure >= 1000;
      return (
        !isOurs &&
        category === 'fs-state-modifying' &&
        dispatchTable[procedure]?.handler !== undefined
      );
    });
    expect(Object.keys(scenarios).toSorted()).toEqual(changing.toSorted());
  });

  it('is what others have done, not the client itself', () => {
    const subscriber = new Subscriber(server);
    const second = new Subscriber(server, { name: 'second' });
    subscriber.settle();
    const { filehandle } = new Files(subscriber.connection).create('mine');
    const id = idOf(new Files(subscriber.connection), filehandle);
    expect(subscriber.settle().files).toEqual({});
    expect(second.settle().files).toMatchObject({ [id]: attributes, [ROOT]: whole });
  });

  it('has each file and name once, whatever happens to it', () => {
    const subscriber = new Subscriber(server);
    const other = otherClient();
    subscriber.settle();
    const file = other.create('f');
    const first = subscriber.take();
    expect(first).toHaveLength(1);
    for (let count = 0; count < 100; count += 1) {
      other.write(file, 1000 + count, 'x');
      other.setAttributes(file.filehandle, { mode: 0o600 });
      other.remove('f');
      other.connection.call('LINK', {
        sourceObject: file.filehandle,
        destinationObject: other.root,
        newname: bytes('f'),
      });
    }
    // Time has not gone on: nothing more is sent, and what is to be sent does not grow.
    expect(subscriber.take()).toEqual([]);
    subscriber.backControl.answer(first[0] as ReceivedDirective);
    server.monotonicMs += 1000;
    server.engine.finish();
    const [message] = subscriber.take() as [ReceivedDirective];
    const { files, names } = message.args as Changes;
    expect(files).toHaveLength(2);
    expect(files.find(({ fileId }) => fileId !== ROOT)).toMatchObject({
      offset: 1000,
      length: 100,
    });
    expect(names).toHaveLength(1);
  });

  it('has names only for those who want them', () => {
    const subscriber = new Subscriber(server, { wantsNames: false });
    const other = otherClient();
    other.create('one');
    expect(subscriber.settle()).toMatchObject({ names: [], files: { [ROOT]: whole } });
    expect(subscriber.subscribe(true)).toBe(false);
    other.create('two');
    expect(subscriber.settle().names).toEqual([`${ROOT}/two`]);
    subscriber.subscribe(false);
    other.create('three');
    expect(subscriber.settle().names).toEqual([]);
  });

  it('comes in as many messages as it takes, in the order of the changes', () => {
    const subscriber = new Subscriber(server);
    const other = otherClient();
    subscriber.settle();
    const names = Array.from({ length: 300 }, (_, index) => `${index}-`.padEnd(255, 'x'));
    for (const name of names) {
      other.connection.submit('OPEN', openArguments(other.root, name, { open: unchecked() }));
    }
    const { names: all, files } = subscriber.settle();
    expect(all).toEqual(names.map((name) => `${ROOT}/${name}`));
    expect(Object.keys(files)).toHaveLength(301);
  });
});

describe('a client that is slow', () => {
  it('gets no more than two messages that it has not answered', () => {
    const subscriber = new Subscriber(server);
    const other = otherClient();
    subscriber.settle();
    const file = other.create('f');
    for (let count = 0; count < 10; count += 1) {
      server.monotonicMs += 1000;
      other.write(file, count, 'x');
    }
    const messages = subscriber.take();
    expect(messages).toHaveLength(2);
    expect(subscriber.take()).toEqual([]);
    subscriber.backControl.answer(messages[0] as ReceivedDirective);
    expect(subscriber.take()).toHaveLength(1);
  });

  it('is told to forget everything when there is too much to tell, and what it has open', () => {
    const subscriber = new Subscriber(server);
    const mine = new Files(subscriber.connection);
    const held = idOf(mine, mine.create('held').filehandle);
    const brisk = new Subscriber(server, { name: 'brisk' });
    const other = otherClient();
    subscriber.settle();
    brisk.settle();
    let last = 0;
    for (let count = 0; count < 6000; count += 1) {
      const name = `${count}`;
      other.connection.submit('OPEN', openArguments(other.root, name, { open: unchecked() }));
      if (count % 500 === 499) {
        brisk.settle();
        last = idOf(other, other.create(`mark ${count}`).filehandle);
      }
    }
    const mark = idOf(other, other.create('after').filehandle);
    // The one that keeps up never has to forget.
    expect(brisk.settle()).toMatchObject({ everything: false, files: { [mark]: attributes } });
    const slow = subscriber.settle();
    expect(slow.everything).toBe(true);
    expect(slow.files).toHaveProperty(String(held), whole);
    expect(Object.keys(slow.files).length).toBeLessThan(1000);
    expect(last).toBeGreaterThan(0);
    other.write(other.create('f'), 0, 'x');
    expect(subscriber.settle().everything).toBe(false);
  });

  it('is told everything again when it could not act upon a message', () => {
    const subscriber = new Subscriber(server);
    const other = otherClient();
    subscriber.settle();
    other.create('f');
    const [message] = subscriber.take() as [ReceivedDirective];
    subscriber.backControl.answer(message, 5);
    expect(subscriber.settle().everything).toBe(true);
  });
});

describe('the flag of OPEN', () => {
  const flagOf = (files: Files, name: string) =>
    (files.open(name).results.resultFlags & OPEN_COHERENT) !== 0;

  it('says that the client has acted upon all that others did to the file', () => {
    const subscriber = new Subscriber(server);
    const mine = new Files(subscriber.connection);
    const other = otherClient();
    const file = other.create('f');
    other.create('g');
    expect(flagOf(mine, 'f')).toBe(false);
    subscriber.settle();
    expect(flagOf(mine, 'f')).toBe(true);
    other.write(file, 0, 'x');
    // Told, but not yet answered; and then again, not yet told.
    const [first] = subscriber.take() as [ReceivedDirective];
    expect(flagOf(mine, 'f')).toBe(false);
    expect(flagOf(mine, 'g')).toBe(true);
    other.write(file, 0, 'y');
    subscriber.backControl.answer(first);
    expect(flagOf(mine, 'f')).toBe(false);
    subscriber.settle();
    expect(flagOf(mine, 'f')).toBe(true);
  });

  it('is set by what the client does itself, and for a file that it makes', () => {
    const subscriber = new Subscriber(server);
    otherClient();
    subscriber.settle();
    const mine = new Files(subscriber.connection);
    const { resultFlags } = mine.open('f', { open: unchecked() }).results;
    expect(resultFlags & OPEN_COHERENT).not.toBe(0);
    mine.setAttributes(mine.lookup('f').results.filehandle.slice() as Filehandle, { mode: 0o600 });
    expect(flagOf(mine, 'f')).toBe(true);
  });

  it('is never set for clients that are not told', () => {
    const subscriber = new Subscriber(server);
    const other = otherClient();
    other.create('f');
    expect(flagOf(other, 'f')).toBe(false);
    subscriber.backControl.connection.die();
    expect(flagOf(new Files(subscriber.connection), 'f')).toBe(false);
  });
});

describe('the end of a subscription', () => {
  it('comes with its channel, its session or its client, and disturbs nobody', () => {
    const brisk = new Subscriber(server, { name: 'brisk' });
    const ends: ((subscriber: Subscriber) => void)[] = [
      ({ backControl }) => backControl.connection.die(),
      ({ connection }) => connection.die(),
      ({ connection }) => connection.call('DISCONNECT', {}),
    ];
    const other = otherClient();
    for (const [index, end] of ends.entries()) {
      const subscriber = new Subscriber(server, { name: `subscriber ${index}` });
      other.create(`before ${index}`);
      end(subscriber);
      other.create(`after ${index}`);
      expect(brisk.settle().names).toContain(`${ROOT}/after ${index}`);
    }
  });

  it('is a beginning when another session of the client takes over', () => {
    const first = new Subscriber(server);
    const other = otherClient();
    const second = new Subscriber(server);
    first.settle();
    other.mkdir('d');
    expect(first.settle().names).toEqual([]);
    expect(second.settle().names).toEqual([`${ROOT}/d`]);
    first.connection.die();
    other.create('e');
    expect(second.settle().names).toEqual([`${ROOT}/e`]);
  });

  it('means to have missed something, for a client that has files open', () => {
    const first = new Subscriber(server);
    const mine = new Files(first.connection);
    const held = idOf(mine, mine.create('held').filehandle);
    first.settle();
    const second = new Subscriber(server);
    const told = second.settle();
    expect([told.everything, told.files]).toEqual([true, { [held]: whole }]);
    second.subscribe(false);
    expect(second.settle().everything).toBe(false);
  });
});
