import { FileType } from '../store/types.ts';
import { blockBytes, type Check, isNamed, sqlCheck } from './check.ts';
import type { ScratchTable } from './scratch.ts';

/** A column of table inode that repeats what other rows say. */
interface Count {
  readonly column: string;
  readonly kind: string;
  readonly subject: string;
  /** What it must be, in SQL. */
  readonly expected: string;
  readonly needs?: readonly ScratchTable[];
  /** Of which inodes; all by default. */
  readonly condition?: string;
}

const counts: readonly Count[] = [
  {
    column: 'size',
    kind: 'size',
    subject: 'sizes',
    needs: ['listing'],
    condition: `type != ${FileType.REGULAR}`,
    expected: `CASE type
      WHEN ${FileType.DIRECTORY} THEN (SELECT bytes FROM listing WHERE directory = inode.id)
      WHEN ${FileType.SYMBOLIC_LINK} THEN
        (SELECT length(target) FROM symlink WHERE symlink.inode = inode.id) END`,
  },
  {
    column: 'storedBytes',
    kind: 'stored-bytes',
    subject: 'stored bytes',
    needs: ['extent'],
    condition: isNamed,
    expected: `(SELECT bytes FROM extent
      WHERE extent.content = inode.content AND type = ${FileType.REGULAR})`,
  },
  {
    column: 'allocatedBlocks',
    kind: 'allocated-blocks',
    subject: 'allocated blocks',
    condition: isNamed,
    expected: '(SELECT sum(last - first + 1) FROM allocation WHERE allocation.inode = inode.id)',
  },
  {
    column: 'reservedBytes',
    kind: 'reserved-bytes',
    subject: 'reserved bytes',
    condition: `${isNamed} AND (reservedBytes != 0 OR allocatedBlocks != 0)`,
    expected: `allocatedBlocks * ${blockBytes} - (
      SELECT coalesce(sum(length(data)), 0) FROM allocation JOIN block
        ON block.content = inode.content AND number BETWEEN first AND last
        WHERE allocation.inode = inode.id)`,
  },
  {
    column: 'attributeBytes',
    kind: 'attribute-bytes',
    subject: 'bytes of attributes',
    needs: ['attributes'],
    expected: '(SELECT bytes FROM attributes WHERE attributes.inode = inode.id)',
  },
  {
    column: 'attributeKinds',
    kind: 'attribute-kinds',
    subject: 'kinds of attributes',
    needs: ['attributes'],
    expected: '(SELECT kinds FROM attributes WHERE attributes.inode = inode.id)',
  },
];

/** That inodes count right what belongs to them. */
export const countChecks: readonly Check[] = counts.map(
  ({ column, kind, subject, expected, needs = [], condition = 'true' }) =>
    sqlCheck({
      kind,
      subject,
      needs,
      query: `SELECT inode, counted, expected FROM (
          SELECT id AS inode, ${column} AS counted, coalesce(${expected}, 0) AS expected
          FROM inode WHERE ${condition})
        WHERE counted != expected`,
      describe: (row) => `its ${column} is ${row.expected}, and it says ${row.counted}`,
      remedy: 'it was set right',
      changes: [`UPDATE inode SET ${column} = @expected WHERE id = @inode`],
    }),
);
