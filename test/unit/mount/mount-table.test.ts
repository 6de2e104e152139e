import { describe, expect, it } from 'vitest';
import { parseMountTable, readMountTable } from '../../../mount/mount-table.ts';

describe('the mount table', () => {
  it('is read line by line, with and without optional fields', () => {
    const text = [
      '22 28 0:21 / /proc rw,nosuid - proc proc rw',
      '97 28 0:45 / /mnt/files ro,nosuid,nodev shared:1 master:2 - fuse.dafs dafs:files rw,user_id=0',
      '',
    ].join('\n');
    expect(parseMountTable(text)).toEqual([
      {
        directory: '/proc',
        device: '0:21',
        fileSystemType: 'proc',
        source: 'proc',
        options: ['rw', 'nosuid', 'rw'],
      },
      {
        directory: '/mnt/files',
        device: '0:45',
        fileSystemType: 'fuse.dafs',
        source: 'dafs:files',
        options: ['ro', 'nosuid', 'nodev', 'rw', 'user_id=0'],
      },
    ]);
  });

  it('gives names as they are, blanks, backslashes and UTF-8 included', () => {
    const escaped = Buffer.from('/mnt/a\\040b\\134c\\011d/é', 'utf8').toString('latin1');
    const line = `97 28 0:45 / ${escaped} rw - fuse.dafs a\\040source rw`;
    expect(parseMountTable(line)[0]).toMatchObject({
      directory: '/mnt/a b\\c\td/é',
      source: 'a source',
    });
  });

  it('of this machine has a root', () => {
    expect(readMountTable().some(({ directory }) => directory === '/')).toBe(true);
  });
});
