/** A client's own writes, of which it is told when others write the same file (extension NOTIFY). */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { anonymous, Files } from './support/files.ts';
import { Subscriber } from './support/subscriber.ts';
import { TestServer } from './support/test-server.ts';

let server: TestServer;
beforeEach(() => {
  server = new TestServer();
});
afterEach(() => {
  expect(server.faults).toEqual([]);
  server.close();
});

it('a client is told its own writes while others write the same file', () => {
  const mine = new Subscriber(server, { name: 'first' });
  const own = new Files(mine.connection);
  const other = new Files(new Subscriber(server, { name: 'second' }).connection);
  const file = own.create('shared');
  const { fileId } = own.attributes(file.filehandle);
  const id = fileId as number;
  own.write(file, 0, 'mine');
  expect(mine.settle().files).toEqual({});
  other.write({ ...file, stateId: anonymous }, 100, 'theirs');
  expect(mine.settle().files).toEqual({ [id]: { isData: true, offset: 100, length: 6 } });
  own.write(file, 10, 'mine');
  expect(mine.settle().files).toEqual({ [id]: { isData: true, offset: 10, length: 4 } });
  own.write(file, 20, 'mine');
  expect(mine.settle().files).toEqual({ [id]: { isData: true, offset: 20, length: 4 } });
  const another = own.create('own');
  own.write(another, 0, 'mine');
  expect(mine.settle().files).toEqual({});
  server.monotonicMs += 61_000;
  own.write(file, 30, 'mine');
  expect(mine.settle().files).toEqual({});
});
