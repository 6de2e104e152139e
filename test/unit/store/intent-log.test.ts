import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { header, sizeOf } from '../../../server/store/intent-format.ts';
import { IntentLog, leftIntents, type Value } from '../../../server/store/intent-log.ts';
import { temporaryDirectory } from './support/stores.ts';

const identity = Uint8Array.from({ length: 16 }, (_, index) => index);
const epoch = 5;
const insert = 'INSERT INTO item VALUES (?, ?)';
const remove = 'DELETE FROM item WHERE id = ?';

const logs: IntentLog[] = [];

afterEach(() => {
  for (const log of logs.splice(0)) {
    log.close(true);
  }
});

function newLog(): { log: IntentLog; path: string } {
  const path = join(temporaryDirectory(), 'store.dafs');
  const log = new IntentLog(path, identity, epoch);
  logs.push(log);
  return { log, path };
}

function record(log: IntentLog, sql: string, ...values: Value[]): void {
  log.record(Buffer.from(sql), values);
}

/** What another process finds, as plain values. */
function left(path: string, ofEpoch = epoch, of = identity) {
  return leftIntents(path, of, ofEpoch).intents.map(({ sql, values }) => [
    sql,
    ...values.map((value) => (typeof value === 'number' ? value : Buffer.from(value).toString())),
  ]);
}

describe('IntentLog', () => {
  it.each([
    ['the statement', 24, 0xffff],
    ['the values', 26, 0xff],
  ])('refuses a batch whose checksum is right and whose %s are longer', (_what, at, length) => {
    const { log, path } = newLog();
    record(log, insert, 1, Buffer.from('one'));
    log.append();
    const file = readFileSync(`${path}-intents`);
    file.writeUIntLE(length, at, at === 24 ? 2 : 1);
    // The batch, without the zeros that the file ends in.
    const batch = file.subarray(4, 24 + file.readUInt32LE(4));
    file.writeUInt32LE(crc32(batch, crc32(identity)), 0);
    writeFileSync(`${path}-intents`, file);
    expect(() => left(path)).toThrow(/is damaged \(its intent log\)/);
  });

  it('keeps batches that were appended, and nothing of the open one', () => {
    const { log, path } = newLog();
    expect(log.isEmpty).toBe(true);
    record(log, insert, 2 ** 53 - 1, Buffer.from('one'));
    record(log, remove, -1.5);
    expect(left(path)).toEqual([]);
    expect(log.append()).toBe(true);
    expect(log.isEmpty).toBe(false);
    record(log, insert, 3, new Uint8Array(0));
    expect(log.append()).toBe(true);
    record(log, insert, 4, Buffer.from('open'));
    const expected = [
      [insert, 2 ** 53 - 1, 'one'],
      [remove, -1.5],
      [insert, 3, ''],
    ];
    expect(left(path)).toEqual(expected);
    expect(log.statements().map(({ sql }) => sql)).toEqual([insert, remove, insert]);
  });

  it('forgets the open batch, and writes the next one in its place', () => {
    const { log, path } = newLog();
    record(log, insert, 1, Buffer.from('kept'));
    log.append();
    record(log, insert, 2, Buffer.from('dropped'));
    log.drop();
    record(log, remove, 3);
    log.append();
    expect(left(path)).toEqual([
      [insert, 1, 'kept'],
      [remove, 3],
    ]);
  });

  it('is nothing to another epoch and to another database', () => {
    const { log, path } = newLog();
    record(log, remove, 1);
    log.append();
    record(log, remove, 2);
    log.append();
    expect(left(path, epoch + 1)).toEqual([]);
    expect(left(path, epoch, new Uint8Array(16))).toEqual([]);
    log.restart(epoch + 1);
    expect(log.isEmpty).toBe(true);
    record(log, remove, 3);
    log.append();
    // The second batch of the old epoch still stands behind the first of the new one.
    expect(left(path, epoch + 1)).toEqual([[remove, 3]]);
    expect(left(path, epoch)).toEqual([]);
  });

  it('keeps whole batches of a file that was cut or damaged anywhere', () => {
    const { log, path } = newLog();
    const ends: number[] = [];
    const file = `${path}-intents`;
    for (let number = 0; number < 4; number += 1) {
      const values = [number, Buffer.from(`name ${number}`)];
      const isData = number % 2 === 1;
      const sql = Buffer.from(isData ? '' : insert);
      if (isData) {
        log.recordData(number, values);
      } else {
        log.record(sql, values);
      }
      log.append();
      ends.push((ends.at(-1) ?? 0) + header.LENGTH + sizeOf(sql, values));
    }
    const whole = readFileSync(file).subarray(0, ends.at(-1));
    for (let length = 0; length < whole.length; length += 1) {
      const batches = ends.filter((end) => end <= length).length;
      writeFileSync(file, whole);
      truncateSync(file, length);
      expect(left(path)).toHaveLength(batches);
      const damaged = Buffer.from(whole);
      damaged[length] = (damaged[length] as number) ^ 0x40;
      writeFileSync(file, damaged);
      expect(left(path)).toHaveLength(batches);
    }
  });

  it('does not take what is too long for it, or not all of what was changed', () => {
    const { log, path } = newLog();
    record(log, insert, 1, new Uint8Array(1 << 20));
    expect(log.append()).toBe(false);
    log.drop();
    record(log, remove, 1);
    log.omit();
    expect(log.append()).toBe(false);
    log.drop();
    record(log, remove, 2);
    expect(log.append()).toBe(true);
    expect(left(path)).toEqual([[remove, 2]]);
    let batches = -1;
    do {
      batches += 1;
      record(log, insert, 1, new Uint8Array(10_000));
    } while (log.append());
    expect(batches).toBe(104);
    log.drop();
    expect(leftIntents(path, identity, epoch).intents).toHaveLength(105);
    expect(log.statements()).toHaveLength(105);
  });

  it('leaves what was promised where it is until the next epoch was promised, too', () => {
    const { log, path } = newLog();
    const restart = (to: number) => {
      log.prepareRestart();
      log.restart(to);
    };
    record(log, remove, 1);
    log.append();
    log.promise();
    for (const next of [epoch + 1, epoch + 2]) {
      restart(next);
      record(log, remove, next);
      log.append();
      expect([left(path), left(path, next)]).toEqual([[[remove, 1]], [[remove, next]]]);
    }
    log.promise();
    restart(epoch + 3);
    record(log, remove, 3);
    log.append();
    expect([left(path), left(path, epoch + 3)]).toEqual([[], [[remove, 3]]]);
    expect(left(path, epoch + 2)).toEqual([[remove, epoch + 2]]);
  });

  it('keeps data apart from the statements, and tells of which files', () => {
    const { log, path } = newLog();
    log.recordData(7, [7, 4096, Buffer.from('data')]);
    record(log, remove, 1);
    expect(log.append()).toBe(true);
    expect(left(path)).toEqual([
      ['', 7, 4096, 'data'],
      [remove, 1],
    ]);
    expect(log.statements()).toHaveLength(1);
    expect([...log.dataFiles]).toEqual([7]);
    expect(log.hasRoomFor(1 << 20, 1)).toBe(true);
    expect(log.hasRoomFor(1 << 22, 1)).toBe(false);
    log.restart(epoch + 1);
    expect(log.dataFiles.size).toBe(0);
  });

  it('is there as long as it is needed', () => {
    const { log, path } = newLog();
    record(log, remove, 1);
    log.append();
    logs.pop();
    log.close(false);
    expect(left(path)).toEqual([[remove, 1]]);
    new IntentLog(path, identity, epoch).close(true);
    expect(left(path)).toEqual([]);
  });
});
