import type Database from 'better-sqlite3';
import { isWhole } from '../store/block-checksum.ts';
import { StateKind } from '../store/state-table.ts';
import { FileType } from '../store/types.ts';
import { blockBytes, type Check, isNamed, type Row, sqlCheck } from './check.ts';

/** 16 MiB of blocks of the usual size. */
const blocksPerTelling = 256;

/** Gives a file blocks of its own in place of those that it shares. */
function unshare(database: Database.Database, rows: readonly Row[]): void {
  const newNumber = database
    .prepare<[], number>('UPDATE filesystem SET nextInode = nextInode + 1 RETURNING nextInode - 1')
    .pluck();
  const columns = (
    database.prepare("SELECT name FROM pragma_table_info('block')").pluck().all() as string[]
  ).filter((column) => column !== 'id' && column !== 'content');
  const copy = database.prepare(
    `INSERT INTO block (content, ${columns}) SELECT ?, ${columns} FROM block WHERE content = ?`,
  );
  const assign = database.prepare('UPDATE inode SET content = ? WHERE id = ?');
  for (const { inode, content } of rows) {
    const number = newNumber.get();
    copy.run(number, content);
    assign.run(number, inode);
  }
}

/** Reads all there is. What data were cannot be told from what they are, so nothing can be mended. */
function damagedBlocks(database: Database.Database, tellPart: (part: number) => void): Row[] {
  const blocks = database.prepare('SELECT count(*) FROM block').pluck().get() as number;
  const rows = database
    .prepare<[], { inode: number; number: number; data: Buffer; checksum: number | null }>(
      'SELECT owner.inode, number, data, checksum FROM block JOIN owner USING (content)',
    )
    .iterate();
  const damaged: Row[] = [];
  let read = 0;
  for (const { inode, number, data, checksum } of rows) {
    if (!isWhole(data, checksum)) {
      damaged.push({ inode, number });
    }
    read += 1;
    if (read % blocksPerTelling === 0) {
      tellPart(read / blocks);
    }
  }
  return damaged;
}

/** What must hold of the data of files, and of what belongs to other objects. */
export const contentChecks: readonly Check[] = [
  {
    kind: 'shared-blocks',
    subject: 'blocks of two files',
    needs: ['owner'],
    find: (database) =>
      database
        .prepare<[], Row>(
          `SELECT id AS inode, content, owner.inode AS owner FROM inode JOIN owner USING (content)
            WHERE type = ${FileType.REGULAR} AND owner.inode != id`,
        )
        .all(),
    describe: ({ owner }) => `its blocks are those of inode ${owner}, too`,
    mending: {
      remedy: 'it got copies of its own',
      repair: unshare,
    },
  },
  sqlCheck({
    kind: 'blocks-of-nothing',
    subject: 'files of blocks',
    needs: ['owner'],
    query: `SELECT content, count(*) AS blocks, sum(length(data)) AS bytes FROM block
      WHERE NOT EXISTS (SELECT 1 FROM owner WHERE owner.content = block.content)
      GROUP BY content`,
    describe: ({ content, blocks, bytes }) =>
      `${blocks} blocks (${bytes} bytes) of content ${content} belong to no file`,
    remedy: 'they were removed',
    changes: ['DELETE FROM block WHERE content = @content'],
  }),
  sqlCheck({
    kind: 'block-place',
    subject: 'places of blocks',
    needs: ['owner'],
    query: `SELECT block.id, owner.inode, number, length(data) AS bytes, CASE WHEN number < 0 THEN 0
        ELSE max(0, min(${blockBytes}, size - number * ${blockBytes})) END AS room
      FROM block JOIN owner USING (content) JOIN inode ON inode.id = owner.inode
      WHERE ${isNamed} AND bytes > room`,
    describe: ({ number, bytes, room }) =>
      `block ${number} has ${bytes} bytes where the file has ${room}`,
    remedy: 'what is too much was removed',
    changes: [
      'DELETE FROM block WHERE id = @id AND @room = 0',
      // What was damaged before has a wrong checksum afterwards, too.
      `UPDATE block SET data = substr(data, 1, @room),
        checksum = checksumOf(substr(data, 1, @room)) + (checksum != checksumOf(data))
        WHERE id = @id`,
    ],
  }),
  {
    kind: 'checksum',
    subject: 'checksums of blocks',
    needs: ['owner'],
    find: damagedBlocks,
    describe: ({ number }) => `block ${number} is not what was written to it`,
  },
  sqlCheck({
    kind: 'allocation',
    subject: 'allocated blocks',
    query: `SELECT inode, first, last FROM allocation WHERE first < 0 OR last < first
      OR NOT EXISTS (SELECT 1 FROM inode
        WHERE inode.id = allocation.inode AND type = ${FileType.REGULAR})
      OR EXISTS (SELECT 1 FROM allocation AS other WHERE other.inode = allocation.inode
        AND other.first > allocation.first AND other.first <= allocation.last)`,
    describe: ({ first, last }) => `room is promised to its blocks ${first} to ${last} amiss`,
    remedy: 'the promise was withdrawn',
    changes: ['DELETE FROM allocation WHERE inode = @inode AND first = @first'],
  }),
  sqlCheck({
    kind: 'target',
    subject: 'targets of links',
    query: `SELECT id AS inode FROM inode LEFT JOIN symlink ON symlink.inode = inode.id
      WHERE type = ${FileType.SYMBOLIC_LINK} AND coalesce(length(target), 0) = 0`,
    describe: () => 'as a symbolic link it has no target',
    remedy: 'the link was removed',
    changes: [
      'DELETE FROM entry WHERE inode = @inode',
      'DELETE FROM symlink WHERE inode = @inode',
      'DELETE FROM attribute WHERE inode = @inode',
      'DELETE FROM inode WHERE id = @inode',
    ],
  }),
  sqlCheck({
    kind: 'target-of-nothing',
    subject: 'links of targets',
    query: `SELECT inode FROM symlink WHERE NOT EXISTS (SELECT 1 FROM inode
      WHERE inode.id = symlink.inode AND type = ${FileType.SYMBOLIC_LINK})`,
    describe: () => 'there is a target, and no symbolic link',
    remedy: 'the target was removed',
    changes: ['DELETE FROM symlink WHERE inode = @inode'],
  }),
  sqlCheck({
    kind: 'attribute-of-nothing',
    subject: 'objects of attributes',
    query: `SELECT inode, count(*) AS attributes FROM attribute
      WHERE NOT EXISTS (SELECT 1 FROM inode WHERE inode.id = attribute.inode) GROUP BY inode`,
    describe: ({ attributes }) => `there is none, and it has ${attributes} extended attributes`,
    remedy: 'they were removed',
    changes: ['DELETE FROM attribute WHERE inode = @inode'],
  }),
  sqlCheck({
    kind: 'state',
    subject: 'what the server knows of its clients',
    query: `SELECT kind, count(*) AS entries FROM state
      WHERE kind NOT IN (${Object.values(StateKind)}) GROUP BY kind`,
    describe: ({ kind, entries }) => `${entries} entries of clients have no known kind: ${kind}`,
    remedy: 'they were removed',
    changes: ['DELETE FROM state WHERE kind = @kind'],
  }),
];
