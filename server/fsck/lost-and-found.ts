import type Database from 'better-sqlite3';
import { FileType, rootId } from '../store/types.ts';
import { freeCookie } from './entry-checks.ts';
import { addInode } from './inode-checks.ts';

const folder = 'lost+found';

/**
 * The directory that gets what no name leads to, as in ext4: `/lost+found`, under `#` and the number
 * of the inode.
 */
export class LostAndFound {
  readonly #database: Database.Database;
  #directory: number | undefined;

  constructor(database: Database.Database) {
    this.#database = database;
  }

  /** Gives an object, which has no name, one here. */
  take(id: number): void {
    this.#directory ??= this.#find() ?? this.#make();
    this.#enter(this.#directory, `#${id}`, id);
  }

  #find(): number | undefined {
    return this.#database
      .prepare<unknown[], number>(
        `SELECT inode.id FROM entry JOIN inode ON inode.id = entry.inode
          WHERE directory = ? AND name = ? AND type = ?`,
      )
      .pluck()
      .get(rootId, Buffer.from(folder), FileType.DIRECTORY);
  }

  #make(): number {
    const id = this.#database
      .prepare<[], number>(
        'UPDATE filesystem SET nextInode = nextInode + 1 RETURNING nextInode - 1',
      )
      .pluck()
      .get() as number;
    addInode(this.#database, id, FileType.DIRECTORY);
    this.#enter(rootId, folder, id);
    return id;
  }

  /** Where the name is taken, the next number behind it is not. */
  #enter(directory: number, stem: string, id: number): void {
    let cookie: number | undefined;
    let name = Buffer.from(stem);
    for (let attempt = 1; cookie === undefined; attempt++) {
      cookie = freeCookie(this.#database, directory, name);
      name = cookie === undefined ? Buffer.from(`${stem}-${attempt}`) : name;
    }
    const isDirectory = this.#database
      .prepare('SELECT type = 2 FROM inode WHERE id = ?')
      .pluck()
      .get(id) as number;
    const values = { directory, cookie, name, id, isDirectory };
    for (const sql of [
      'INSERT INTO entry VALUES (@directory, @cookie, @name, @id)',
      `UPDATE inode SET size = size + length(@name) + 16, nlink = nlink + @isDirectory
        WHERE id = @directory`,
      'UPDATE inode SET parent = @directory * @isDirectory WHERE id = @id',
    ]) {
      this.#database.prepare(sql).run(values);
    }
  }
}
