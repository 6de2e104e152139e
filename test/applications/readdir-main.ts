/**
 * What readdir.test.ts lets other processes do with one directory, by its role:
 *
 *     fill SOCKET NAME COUNT   makes a directory of that many entries, through the library
 *     churn DIRECTORY          makes and removes entries until standard input ends
 *     list DIRECTORY           lists it, and again from places in between; prints what it found
 */
import { closeSync, openSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { FileClient, ObjectType, operations, Session } from '../../client/index.ts';
import { readDirectoryEntries } from '../conformance/posix-status.ts';
import { C, call, pathBytes } from '../support/libc.ts';

const LASTING = 'lasting-';
const O_DIRECTORY = 0o200_000;
const BUFFER_BYTES = 16_384;
/** So many entries of a churning process exist at a time. */
const PASSING = 200;
const PLACES = 25;

function fill(socket: string, name: string, count: number): void {
  const session = Session.connect(socket);
  const files = new FileClient(session);
  const directory = files.mkdir(files.root, Buffer.from(name), 0o777);
  const requests = Array.from({ length: count }, (_, index) =>
    session.submit(operations.CREATE, {
      filehandle: directory,
      component: Buffer.from(LASTING + index),
      create: { objType: ObjectType.DAFS_TYPE_FIFO },
      attr: { mode: 0o644 },
    }),
  );
  for (const request of requests) {
    session.wait(request);
  }
  session.close();
}

async function churn(directory: string): Promise<void> {
  let isOver = false;
  process.stdin.resume().once('end', () => {
    isOver = true;
  });
  const path = (index: number) => join(directory, `passing-${process.pid}-${index}`);
  let made = 0;
  for (; !isOver; made++) {
    closeSync(openSync(path(made), 'wx'));
    if (made >= PASSING) {
      unlinkSync(path(made - PASSING));
    }
    if (made % 20 === 0) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  process.stdout.write(`${made}\n`);
}

/** Where an entry stands in the listing, and where reading goes on behind it. */
interface Place {
  readonly cookie: bigint;
  /** How many lasting entries had been told with it. */
  readonly lasting: number;
}

function list(directory: string): void {
  const fd = call('open', pathBytes(directory), O_DIRECTORY, 0);
  const buffer = new Uint8Array(BUFFER_BYTES);
  const read = () =>
    readDirectoryEntries(buffer.subarray(0, call('getdents64', fd, buffer, BUFFER_BYTES)));
  const told: string[] = [];
  const places: Place[] = [];
  let passing = 0;
  for (let entries = read(); entries.length > 0; entries = read()) {
    for (const { name, cookie } of entries) {
      const text = Buffer.from(name).toString();
      if (text.startsWith(LASTING)) {
        told.push(text);
        places.push({ cookie, lasting: told.length });
      } else {
        passing += 1;
      }
    }
  }
  let wrongPlaces = 0;
  for (let index = 0; index < PLACES; index++) {
    const place = places[Math.floor((index * places.length) / PLACES)] as Place;
    call('lseek', fd, place.cookie, C.SEEK_SET);
    const next = read()
      .map(({ name }) => Buffer.from(name).toString())
      .filter((name) => name.startsWith(LASTING));
    const expected = told.slice(place.lasting, place.lasting + next.length);
    wrongPlaces += next.join() === expected.join() && next.length > 0 ? 0 : 1;
  }
  call('close', fd);
  const distinct = new Set(told).size;
  process.stdout.write(JSON.stringify({ told: told.length, distinct, passing, wrongPlaces }));
}

const [role, ...rest] = process.argv.slice(2) as [string, ...string[]];
const roles: Readonly<Record<string, () => unknown>> = {
  fill: () => fill(rest[0] as string, rest[1] as string, Number(rest[2])),
  churn: () => churn(rest[0] as string),
  list: () => list(rest[0] as string),
};
await roles[role]?.();
