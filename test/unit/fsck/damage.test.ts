/** Every kind of damage is found and mended, and nothing is found afterwards. */
import { describe, expect, it } from 'vitest';
import { fsck } from '../../../server/fsck/fsck.ts';
import { type FileId, rootId } from '../../../server/store/index.ts';
import { bytes, names, openStore } from '../store/support/stores.ts';
import { ask, damage, makeSample, type Sample } from './support.ts';

interface Damage {
  /** What is done to the sample. */
  readonly sql: (ids: Sample['ids']) => string;
  /** What is found of it without repairing, in this order. */
  readonly kinds: readonly string[];
  /** A query whose answer the repair makes this. */
  readonly repaired: readonly [sql: (ids: Sample['ids']) => string, answer: unknown];
}

const count =
  (what: string): ((ids: Sample['ids']) => string) =>
  () =>
    `SELECT count(*) FROM ${what}`;

/** What the server knows of a client, and of a credential, as it stores them. */
const [client, credential] = [
  {
    idString: 'client',
    verifier: '1f',
    principal: {
      method: 0,
      name: 'root',
      credential: { uid: 0, gid: 0, groups: [] },
      isTrusted: true,
    },
    process: { pid: 1, start: '1' },
    credentialCapacity: 4,
    lastCredentialHandle: 1,
  },
  { uid: 1, gid: 2, groups: [3] },
].map((record) => `CAST('${JSON.stringify(record)}' AS BLOB)`);

const damages: Readonly<Record<string, Damage>> = {
  'no root': {
    sql: () => 'DELETE FROM inode WHERE id = 1',
    kinds: ['root', 'entry-of-nothing'],
    repaired: [() => 'SELECT type FROM inode WHERE id = 1', 2],
  },
  'a root that is a file': {
    sql: () => 'UPDATE inode SET type = 1 WHERE id = 1',
    kinds: ['root', 'entry-of-nothing', 'link-count'],
    repaired: [() => 'SELECT type FROM inode WHERE id = 1', 2],
  },
  'a type that there is not': {
    sql: ({ inner }) => `UPDATE inode SET type = 44 WHERE id = ${inner}`,
    kinds: ['type', 'entry-of-nothing', 'parent', 'link-count', 'size'],
    repaired: [({ inner }) => `SELECT type FROM inode WHERE id = ${inner}`, 2],
  },
  'a mode that there is not': {
    sql: ({ file }) => `UPDATE inode SET mode = mode | 65536 WHERE id = ${file}`,
    kinds: ['mode'],
    repaired: [({ file }) => `SELECT mode FROM inode WHERE id = ${file}`, 0o644],
  },
  'a time that there is not': {
    sql: ({ file }) => `UPDATE inode SET mtimeNseconds = 1000000000 WHERE id = ${file}`,
    kinds: ['time'],
    repaired: [({ file }) => `SELECT mtimeNseconds FROM inode WHERE id = ${file}`, 999_999_999],
  },
  'a directory without an inode': {
    sql: ({ inner }) => `DELETE FROM inode WHERE id = ${inner}`,
    kinds: ['lost-inode', 'entry-of-nothing', 'dangling-entry', 'link-count'],
    repaired: [({ inner }) => `SELECT type FROM inode WHERE id = ${inner}`, 2],
  },
  'a file without an inode': {
    sql: ({ sparse }) => `DELETE FROM inode WHERE id = ${sparse}`,
    kinds: ['lost-inode', 'dangling-entry', 'blocks-of-nothing', 'allocation'],
    repaired: [({ sparse }) => `SELECT size FROM inode WHERE id = ${sparse}`, 5 * 4096 + 50],
  },
  'numbers of inodes that would come again': {
    sql: () => 'UPDATE filesystem SET nextInode = 3',
    kinds: ['next-inode'],
    repaired: [() => 'SELECT nextInode > (SELECT max(id) FROM inode) FROM filesystem', 1],
  },
  'a size below nothing': {
    sql: ({ file }) => `UPDATE inode SET size = -5 WHERE id = ${file}`,
    kinds: ['file-size', 'block-place'],
    repaired: [({ file }) => `SELECT size FROM inode WHERE id = ${file}`, 3 * 4096 + 100],
  },
  'an entry in a file': {
    sql: ({ file, fifo }) => `INSERT INTO entry VALUES (${file}, 256, CAST('x' AS BLOB), ${fifo})`,
    kinds: ['entry-of-nothing', 'entry-cookie', 'link-count'],
    repaired: [({ file }) => `SELECT count(*) FROM entry WHERE directory = ${file}`, 0],
  },
  'an entry that points nowhere': {
    sql: ({ fifo }) => `DELETE FROM inode WHERE id = ${fifo}`,
    kinds: ['dangling-entry'],
    repaired: [count("entry WHERE name = CAST('fifo' AS BLOB)"), 0],
  },
  'a name with a slash': {
    sql: ({ fifo }) => `UPDATE entry SET name = CAST('f/fo' AS BLOB) WHERE inode = ${fifo}`,
    kinds: ['entry-name', 'entry-cookie'],
    repaired: [({ fifo }) => `SELECT CAST(name AS TEXT) FROM entry WHERE inode = ${fifo}`, '#8'],
  },
  'an entry where nobody looks for it': {
    sql: ({ fifo }) => `UPDATE entry SET cookie = 300 WHERE inode = ${fifo}`,
    kinds: ['entry-cookie'],
    repaired: [({ fifo }) => `SELECT cookie = 300 FROM entry WHERE inode = ${fifo}`, 0],
  },
  'a name that is there twice': {
    sql: ({ fifo }) =>
      `INSERT INTO entry SELECT 1, cookie + 1, name, inode FROM entry WHERE inode = ${fifo}`,
    kinds: ['duplicate-name', 'link-count', 'size'],
    repaired: [({ fifo }) => `SELECT count(*) FROM entry WHERE inode = ${fifo}`, 1],
  },
  'a directory with two parents': {
    sql: ({ inner }) => `UPDATE entry SET inode = ${inner} WHERE name = CAST('linked' AS BLOB)`,
    kinds: ['second-parent', 'link-count'],
    repaired: [({ inner }) => `SELECT count(*) FROM entry WHERE inode = ${inner}`, 1],
  },
  'a directory below itself': {
    sql: ({ directory, inner }) =>
      `UPDATE entry SET directory = ${inner} WHERE inode = ${directory};
       UPDATE inode SET parent = ${inner} WHERE id = ${directory}`,
    kinds: ['unreachable', 'link-count', 'size'],
    repaired: [
      ({ directory }) => `SELECT CAST(entry.name AS TEXT) FROM entry
        JOIN entry AS above ON above.inode = entry.directory WHERE entry.inode = ${directory}`,
      '#2',
    ],
  },
  'a tree without a name': {
    sql: ({ directory }) => `DELETE FROM entry WHERE inode = ${directory}`,
    kinds: ['unreachable', 'link-count', 'size'],
    repaired: [
      ({ directory }) => `SELECT CAST(name AS TEXT) FROM entry WHERE inode = ${directory}`,
      '#2',
    ],
  },
  'a removed directory that is not empty': {
    sql: ({ directory }) =>
      `DELETE FROM entry WHERE inode = ${directory};
       UPDATE inode SET nlink = 0 WHERE id = ${directory}`,
    kinds: ['unreachable', 'link-count', 'size'],
    repaired: [({ directory }) => `SELECT nlink FROM inode WHERE id = ${directory}`, 3],
  },
  'a wrong parent': {
    sql: ({ inner }) => `UPDATE inode SET parent = 1 WHERE id = ${inner}`,
    kinds: ['parent'],
    repaired: [({ inner }) => `SELECT parent FROM inode WHERE id = ${inner}`, 2],
  },
  'a wrong link count of a file': {
    sql: ({ file }) => `UPDATE inode SET nlink = 7 WHERE id = ${file}`,
    kinds: ['link-count'],
    repaired: [({ file }) => `SELECT nlink FROM inode WHERE id = ${file}`, 2],
  },
  'a wrong link count of a directory': {
    sql: ({ directory }) => `UPDATE inode SET nlink = 0 WHERE id = ${directory}`,
    kinds: ['link-count'],
    repaired: [({ directory }) => `SELECT nlink FROM inode WHERE id = ${directory}`, 3],
  },
  'two files with the same blocks': {
    sql: ({ file, sparse }) =>
      `UPDATE inode SET content = ${file}, size = 3 * 4096 + 100 WHERE id = ${sparse}`,
    kinds: ['shared-blocks', 'blocks-of-nothing', 'stored-bytes', 'reserved-bytes'],
    repaired: [({ file }) => `SELECT count(*) FROM inode WHERE content = ${file}`, 1],
  },
  'blocks of no inode': {
    sql: () => "INSERT INTO block (content, number, data) VALUES (5000, 0, x'00')",
    kinds: ['blocks-of-nothing'],
    repaired: [count('block WHERE content = 5000'), 0],
  },
  'blocks beyond the end': {
    sql: ({ file }) => `UPDATE inode SET size = 4196 WHERE id = ${file}`,
    kinds: ['block-place'],
    repaired: [({ file }) => `SELECT sum(length(data)) FROM block WHERE content = ${file}`, 4196],
  },
  'a block before the beginning': {
    sql: ({ file }) => `UPDATE block SET number = -1 WHERE content = ${file} AND number = 1`,
    kinds: ['block-place'],
    repaired: [({ file }) => `SELECT min(number) FROM block WHERE content = ${file}`, 0],
  },
  'a promise to nobody': {
    sql: () => 'INSERT INTO allocation VALUES (1, 0, 5)',
    kinds: ['allocation', 'allocated-blocks'],
    repaired: [count('allocation WHERE inode = 1'), 0],
  },
  'promises that overlap': {
    sql: ({ sparse }) => `INSERT INTO allocation VALUES (${sparse}, 5, 9)`,
    kinds: ['allocation', 'allocated-blocks', 'reserved-bytes'],
    repaired: [({ sparse }) => `SELECT first FROM allocation WHERE inode = ${sparse}`, 5],
  },
  'a link without a target': {
    sql: () => 'DELETE FROM symlink',
    kinds: ['target', 'size'],
    repaired: [({ link }) => `SELECT count(*) FROM entry WHERE inode = ${link}`, 0],
  },
  'a target without a link': {
    sql: () => "INSERT INTO symlink VALUES (1, CAST('x' AS BLOB))",
    kinds: ['target-of-nothing'],
    repaired: [count('symlink'), 1],
  },
  'attributes of no inode': {
    sql: () => "INSERT INTO attribute (inode, name, value) VALUES (900, x'61', x'61')",
    kinds: ['attribute-of-nothing'],
    repaired: [count('attribute WHERE inode = 900'), 0],
  },
  'state of no kind': {
    sql: () => "INSERT INTO state VALUES (77, x'61', x'61')",
    kinds: ['state'],
    repaired: [count('state'), 0],
  },
  'a client that cannot be read, and all that is its': {
    sql: () => `INSERT INTO state VALUES (1, x'0000000000000001', CAST('{' AS BLOB)),
      (3, x'000000000000000100000001', ${credential}),
      (2, x'0000000000000002', x'00000000000000010000000000000000'),
      (4, x'00000000000000020000', zeroblob(20))`,
    kinds: ['client'],
    repaired: [count('state'), 0],
  },
  'what belongs to no client': {
    sql: () => `INSERT INTO state VALUES (1, x'0000000000000001', ${client}),
      (3, x'000000000000000100000001', ${credential}),
      (3, x'000000000000000200000001', ${credential}),
      (2, x'0000000000000002', x'00000000000000010000000000000000'),
      (2, x'0000000000000003', x'00000000000000020000000000000000'),
      (4, x'00000000000000020000', zeroblob(20)),
      (4, x'00000000000000040000', zeroblob(20))`,
    kinds: ['credential', 'session', 'response'],
    repaired: [count('state'), 4],
  },
  'what clients hold, that cannot be read': {
    sql: () => `INSERT INTO state VALUES (5, x'0000000000000001', zeroblob(27)),
      (5, x'0000000000000002', zeroblob(26)), (5, x'03', zeroblob(27)),
      (6, zeroblob(17), zeroblob(33)), (6, zeroblob(18), zeroblob(32)), (6, x'00', zeroblob(33)),
      (7, x'', zeroblob(3))`,
    kinds: ['open', 'lock', 'instance'],
    repaired: [count('state'), 2],
  },
  'a wrong size of a directory': {
    sql: ({ inner }) => `UPDATE inode SET size = 3 WHERE id = ${inner}`,
    kinds: ['size'],
    repaired: [({ inner }) => `SELECT size FROM inode WHERE id = ${inner}`, 20],
  },
  'a wrong size of a link': {
    sql: ({ link }) => `UPDATE inode SET size = 3 WHERE id = ${link}`,
    kinds: ['size'],
    repaired: [({ link }) => `SELECT size FROM inode WHERE id = ${link}`, 15],
  },
  'wrong stored bytes': {
    sql: ({ cut }) => `UPDATE inode SET storedBytes = 9 WHERE id = ${cut}`,
    kinds: ['stored-bytes'],
    repaired: [({ cut }) => `SELECT storedBytes FROM inode WHERE id = ${cut}`, 10],
  },
  'a wrong number of allocated blocks': {
    sql: ({ sparse }) => `UPDATE inode SET allocatedBlocks = 2 WHERE id = ${sparse}`,
    kinds: ['allocated-blocks', 'reserved-bytes'],
    repaired: [({ sparse }) => `SELECT allocatedBlocks FROM inode WHERE id = ${sparse}`, 3],
  },
  'wrong reserved bytes': {
    sql: ({ sparse }) => `UPDATE inode SET reservedBytes = 2 WHERE id = ${sparse}`,
    kinds: ['reserved-bytes'],
    repaired: [
      ({ sparse }) => `SELECT reservedBytes FROM inode WHERE id = ${sparse}`,
      3 * 4096 - 50,
    ],
  },
  'wrong bytes and kinds of attributes': {
    sql: ({ file }) => `UPDATE inode SET attributeBytes = 1, attributeKinds = 1 WHERE id = ${file}`,
    kinds: ['attribute-bytes', 'attribute-kinds'],
    repaired: [({ file }) => `SELECT attributeKinds FROM inode WHERE id = ${file}`, 3],
  },
};

const kindsOf = (path: string, isRepair: boolean): string[] =>
  fsck(path, { isRepair }).findings.map(({ kind }) => kind);

describe('fsck', () => {
  it('finds nothing in what is whole, and counts it', () => {
    const { path } = makeSample();
    expect(fsck(path, { isRepair: false })).toEqual({
      database: path,
      findings: [],
      objects: { files: 3, directories: 3, others: 2, orphans: 0 },
      dataBytes: 3 * 4096 + 100 + 4096 + 50 + 10,
    });
    expect(kindsOf(path, true)).toEqual([]);
  });

  it.each(Object.entries(damages))('finds and mends %s', (_, { sql, kinds, repaired }) => {
    const { path, ids } = makeSample();
    damage(path, sql(ids));
    const found = kindsOf(path, false);
    expect([...new Set(found)]).toEqual(kinds);
    expect(kindsOf(path, false)).toEqual(found);
    const { findings } = fsck(path, { isRepair: true });
    expect(findings.filter(({ repair }) => repair === undefined)).toEqual([]);
    expect(findings.map(({ kind }) => kind)).toContain(kinds[0]);
    expect(kindsOf(path, false)).toEqual([]);
    const [query, answer] = repaired;
    expect(ask(path, query(ids))).toBe(answer);
  });

  it('finds blocks that are not what was written, and leaves them', () => {
    const { path, ids } = makeSample();
    damage(
      path,
      `UPDATE block SET data = zeroblob(100) WHERE content = ${ids.file} AND number = 3`,
    );
    const found = [
      { kind: 'checksum', inode: ids.file, message: expect.stringMatching(/block 3/) },
    ];
    expect(fsck(path, { isRepair: false }).findings).toEqual(found);
    expect(fsck(path, { isRepair: true }).findings).toEqual(found);
    damage(path, `UPDATE inode SET size = 3 * 4096 + 50 WHERE id = ${ids.file}`);
    expect(kindsOf(path, true)).toEqual(['block-place', 'checksum', 'stored-bytes']);
    expect(kindsOf(path, false)).toEqual(['checksum']);
    damage(path, `UPDATE inode SET size = 3 * 4096 WHERE id = ${ids.file}`);
    expect(kindsOf(path, true)).toEqual(['block-place', 'stored-bytes']);
    expect(kindsOf(path, false)).toEqual([]);
  });

  it('brings what cannot be reached to /lost+found, usable', () => {
    const { path, ids } = makeSample();
    damage(path, `DELETE FROM entry WHERE directory = ${ids.directory} OR directory = ${rootId}`);
    fsck(path, { isRepair: true });
    const store = openStore(path);
    expect(names(store)).toEqual(['lost+found']);
    const lost = store.lookup(rootId, bytes('lost+found')) as FileId;
    const found = [ids.cut, ids.directory, ids.fifo, ids.inner, ids.link, ids.sparse];
    expect(names(store, lost)).toEqual(found.map((id) => `#${id}`).sort());
    expect(store.inode(lost)?.nlink).toBe(4);
    expect(names(store, ids.inner as FileId)).toEqual(['file']);
    store.rename(lost, bytes(`#${ids.inner}`), rootId, bytes('again'));
    store.close();
    expect(kindsOf(path, false)).toEqual([]);
  });
});
