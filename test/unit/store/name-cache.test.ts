import { describe, expect, it } from 'vitest';
import { NameCache } from '../../../server/store/name-cache.ts';
import type { FileId } from '../../../server/store/types.ts';

const directory = 7 as FileId;
const bucket = 256_000;
const present = { entry: { cookie: bucket, id: 20 as FileId }, freeCookie: undefined };
const absent = { entry: undefined, freeCookie: bucket };

describe('NameCache', () => {
  it('knows names that are there and names that are not, by directory and name', () => {
    const cache = new NameCache();
    cache.note(directory, bucket, 'here', present);
    cache.note(directory, bucket + 256, 'not here', absent);
    expect(cache.get(directory, bucket, 'here')).toEqual(present);
    expect(cache.get(directory, bucket + 256, 'not here')).toEqual(absent);
    expect(cache.get(directory, bucket, 'other')).toBeUndefined();
    expect(cache.get(8 as FileId, bucket, 'here')).toBeUndefined();
    expect(cache.get(directory, bucket + 512, 'here')).toBeUndefined();
  });

  it('forgets what it knew of a bucket when another of its names is entered', () => {
    const cache = new NameCache();
    cache.note(directory, bucket, 'not here', absent);
    cache.change(directory, bucket, 'here', present);
    expect(cache.get(directory, bucket, 'not here')).toBeUndefined();
  });

  it('forgets what an undone transaction made of names, and nothing else', () => {
    const cache = new NameCache();
    cache.change(directory, bucket, 'committed', present);
    cache.committed();
    cache.note(directory, bucket + 256, 'only looked at', absent);
    cache.change(directory, bucket + 512, 'undone', present);
    cache.rolledBack();
    expect(cache.get(directory, bucket, 'committed')).toEqual(present);
    expect(cache.get(directory, bucket + 256, 'only looked at')).toEqual(absent);
    expect(cache.get(directory, bucket + 512, 'undone')).toBeUndefined();
  });

  it('keeps what is asked for, and not much else', () => {
    const cache = new NameCache();
    const kept = 100;
    const name = (index: number): [FileId, number, string] => [
      directory,
      bucket + index * 256,
      `name ${index}`,
    ];
    let found = 0;
    for (let index = 0; index < 200_000; index += 1) {
      cache.note(...name(index), absent);
      found += cache.get(...name(index % kept)) === undefined ? 0 : 1;
    }
    expect(found).toBe(200_000);
    const left = Array.from({ length: 200_000 }, (_, index) => index).filter(
      (index) => cache.get(...name(index)) !== undefined,
    );
    expect(left.length).toBeLessThan(100_000);
  });
});
