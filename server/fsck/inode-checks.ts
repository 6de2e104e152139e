import type Database from 'better-sqlite3';
import { currentTime } from '../store/clock.ts';
import { InodeRecord, touch } from '../store/inode-record.ts';
import { insertInode } from '../store/schema.ts';
import { type FileId, FileType, maxFileBytes, rootId } from '../store/types.ts';
import { type Check, sqlCheck } from './check.ts';

const times = ['atime', 'mtime', 'ctime', 'btime'].map((time) => `${time}Nseconds`);
const lastNsecond = 999_999_999;

/** What an object must have been, told by what belongs to it. */
const typeByBelongings = (id: string): string => `CASE
  WHEN EXISTS (SELECT 1 FROM entry WHERE directory = ${id}) THEN ${FileType.DIRECTORY}
  WHEN EXISTS (SELECT 1 FROM symlink WHERE inode = ${id}) THEN ${FileType.SYMBOLIC_LINK}
  ELSE ${FileType.REGULAR} END`;

const withoutInode = (id: string): string =>
  `NOT EXISTS (SELECT 1 FROM inode WHERE inode.id = ${id})`;

/** Makes an inode that belongs to root alone; its counts are set by the checks that follow. */
export function addInode(database: Database.Database, id: number, type: FileType): InodeRecord {
  const record = new InodeRecord(id as FileId, type);
  const now = currentTime();
  record.mode = record.isDirectory ? 0o700 : 0o600;
  record.nlink = record.isDirectory ? 2 : 1;
  record.parent = (id === rootId ? rootId : 0) as FileId;
  record.atime = now;
  record.mtime = now;
  record.btime = now;
  touch(record, now);
  insertInode(database, record);
  return record;
}

/** What must hold of an inode by itself, and that there is one where there must be. */
export const inodeChecks: readonly Check[] = [
  {
    kind: 'root',
    subject: 'the root',
    find: (database) => {
      const type = database.prepare('SELECT type FROM inode WHERE id = ?').pluck().get(rootId);
      const isWhole = type === FileType.DIRECTORY;
      return isWhole ? [] : [{ inode: rootId, type: (type ?? null) as number | null }];
    },
    describe: ({ type }) =>
      type === null ? 'the root is missing' : `the root has type ${type} and is no directory`,
    mending: {
      remedy: 'a root directory was made',
      repair: (database, [row]) => {
        if (row?.type === null) {
          addInode(database, rootId, FileType.DIRECTORY);
        } else {
          database
            .prepare('UPDATE inode SET type = ?, parent = id WHERE id = ?')
            .run(FileType.DIRECTORY, rootId);
        }
      },
    },
  },
  sqlCheck({
    kind: 'type',
    subject: 'types',
    query: `SELECT id AS inode, type, ${typeByBelongings('inode.id')} AS likely FROM inode
      WHERE type NOT BETWEEN 1 AND ${Math.max(...Object.values(FileType))}`,
    describe: ({ type }) => `there is no type ${type}`,
    remedy: 'it got the type that what belongs to it suggests',
    changes: ['UPDATE inode SET type = @likely WHERE id = @inode'],
  }),
  sqlCheck({
    kind: 'mode',
    subject: 'modes',
    query: 'SELECT id AS inode, mode FROM inode WHERE mode & ~4095 != 0',
    describe: ({ mode }) => `there is no mode ${(mode as number).toString(8)}`,
    remedy: 'the bits that do not exist were taken away',
    changes: ['UPDATE inode SET mode = mode & 4095 WHERE id = @inode'],
  }),
  sqlCheck({
    kind: 'time',
    subject: 'times',
    query: `SELECT id AS inode FROM inode
      WHERE ${times.map((time) => `${time} NOT BETWEEN 0 AND ${lastNsecond}`).join(' OR ')}`,
    describe: () => 'a time has nanoseconds that do not exist',
    remedy: 'they were brought into their range',
    changes: [
      `UPDATE inode SET ${times.map((time) => `${time} = max(0, min(${time}, ${lastNsecond}))`)}
        WHERE id = @inode`,
    ],
  }),
  {
    kind: 'lost-inode',
    subject: 'inodes that are missing',
    find: (database) =>
      database
        .prepare<[], { inode: number; type: FileType; size: number }>(
          `SELECT id AS inode, ${typeByBelongings('missing.id')} AS type, coalesce(
              (SELECT max(number) FROM block WHERE content = missing.id) + 1, 0) AS blocks
            FROM (SELECT directory AS id FROM entry WHERE ${withoutInode('entry.directory')}
              UNION SELECT inode FROM entry WHERE ${withoutInode('entry.inode')}) AS missing
            WHERE id > ${rootId} AND (blocks > 0
              OR EXISTS (SELECT 1 FROM entry WHERE directory = missing.id)
              OR EXISTS (SELECT 1 FROM symlink WHERE inode = missing.id))`,
        )
        .all() as never,
    describe: () => 'it is missing, though what belongs to it is there',
    mending: {
      remedy: 'it was made anew; it belongs to root',
      repair: (database, rows) => {
        for (const { inode, type } of rows) {
          addInode(database, inode as number, type as FileType);
          database
            .prepare(
              `UPDATE inode SET size = coalesce((SELECT max(number * blockBytes + length(data))
               FROM block, filesystem WHERE content = inode.id), 0) WHERE id = ?`,
            )
            .run(inode);
        }
      },
    },
  },
  sqlCheck({
    kind: 'next-inode',
    subject: 'the next inode',
    query: `SELECT nextInode, greatest FROM filesystem,
      (SELECT max(max(id), max(content)) AS greatest FROM inode) WHERE nextInode <= greatest`,
    describe: ({ nextInode, greatest }) =>
      `the next inode would be ${nextInode}, and there is a number ${greatest}`,
    remedy: 'new inodes get greater numbers',
    changes: ['UPDATE filesystem SET nextInode = @greatest + 1'],
  }),
  sqlCheck({
    kind: 'file-size',
    subject: 'sizes of files',
    needs: ['extent'],
    query: `SELECT id AS inode, size, coalesce(end, 0) AS end
      FROM inode LEFT JOIN extent USING (content)
      WHERE type = ${FileType.REGULAR} AND size NOT BETWEEN 0 AND ${maxFileBytes}`,
    describe: ({ size }) => `a file cannot have ${size} bytes`,
    remedy: 'it ends with its last block',
    changes: ['UPDATE inode SET size = @end WHERE id = @inode'],
  }),
];
