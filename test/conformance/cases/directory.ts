import assert from 'node:assert/strict';
import { C } from '../../support/libc.ts';
import { type CaseBody, defineCases, O } from '../case.ts';
import { exists, fails, hasStatus, holds, listing, names, put, withOpen } from '../expect.ts';
import type { DirectoryEntry, Target } from '../target.ts';

const SMALL_BUFFER = 512;

function nameOf(entry: DirectoryEntry): string {
  return Buffer.from(entry.name).toString('latin1');
}

function fill(t: Target, directory: string, count: number): string[] {
  t.mkdir(directory);
  const made = Array.from({ length: count }, (_, index) => `entry-${index}`);
  for (const name of made) {
    put(t, `${directory}/${name}`);
  }
  return made.sort();
}

/** Reads on from where the descriptor stands to the end. */
function readRest(t: Target, fd: number, bytes?: number): string[] {
  const found: string[] = [];
  for (let some = t.readEntries(fd, bytes); some.length > 0; some = t.readEntries(fd, bytes)) {
    found.push(...some.map(nameOf));
  }
  return found;
}

function withoutDots(found: readonly string[]): string[] {
  return found.filter((name) => name !== '.' && name !== '..').sort();
}

const sizes = defineCases(
  'readdir',
  Object.fromEntries(
    [0, 1, 10, 700].map((count): [string, CaseBody] => [
      `${count} entries are told, each once`,
      (t) => {
        const made = fill(t, 'd', count);
        assert.deepEqual(listing(t, 'd'), ['.', '..', ...made].sort());
      },
    ]),
  ),
);

const telling = defineCases('readdir', {
  'tells the kind of every entry': (t) => {
    t.mkdir('d');
    put(t, 'd/file');
    t.mkdir('d/directory');
    t.symlink('x', 'd/symlink');
    t.makeNode('d/fifo', 'fifo', 0o600);
    withOpen(t, 'd', O.RDONLY | O.DIRECTORY, (fd) => {
      const kinds = new Map(t.readEntries(fd).map((entry) => [nameOf(entry), entry.kind]));
      for (const kind of ['file', 'directory', 'symlink', 'fifo'] as const) {
        assert.equal(kinds.get(kind), kind);
      }
      assert.equal(kinds.get('.'), 'directory');
      assert.equal(kinds.get('..'), 'directory');
    });
  },
  'tells the number that stat tells': (t) => {
    fill(t, 'd', 20);
    withOpen(t, 'd', O.RDONLY | O.DIRECTORY, (fd) => {
      for (const entry of t.readEntries(fd)) {
        assert.equal(entry.ino, t.statLink(`d/${nameOf(entry)}`).ino, nameOf(entry));
      }
    });
  },
  'through a small buffer tells every entry once': (t) => {
    const made = fill(t, 'd', 200);
    withOpen(t, 'd', O.RDONLY | O.DIRECTORY, (fd) => {
      assert.deepEqual(withoutDots(readRest(t, fd, SMALL_BUFFER)), made);
    });
  },
  'of long names tells every entry': (t) => {
    t.mkdir('d');
    const made = Array.from({ length: 100 }, (_, index) => String(index).padStart(255, 'n'));
    for (const name of made) {
      put(t, `d/${name}`);
    }
    assert.deepEqual(names(t, 'd'), made.sort());
  },
  'of a file fails': (t) => {
    put(t, 'a');
    withOpen(t, 'a', O.RDONLY, (fd) => fails('ENOTDIR', () => t.readEntries(fd)));
  },
  'by two descriptors at once goes two ways': (t) => {
    const made = fill(t, 'd', 200);
    const first = t.open('d', O.RDONLY | O.DIRECTORY);
    const second = t.open('d', O.RDONLY | O.DIRECTORY);
    const begun = t.readEntries(first, SMALL_BUFFER).map(nameOf);
    assert.deepEqual(withoutDots(readRest(t, second)), made);
    assert.deepEqual(withoutDots([...begun, ...readRest(t, first)]), made);
  },
  'rewound tells what is there now': (t) => {
    fill(t, 'd', 5);
    withOpen(t, 'd', O.RDONLY | O.DIRECTORY, (fd) => {
      readRest(t, fd);
      put(t, 'd/late');
      t.unlink('d/entry-0');
      t.seek(fd, 0, C.SEEK_SET);
      const found = readRest(t, fd);
      assert.ok(found.includes('late') && !found.includes('entry-0'));
    });
  },
  'from a cookie goes on behind its entry': (t) => {
    const made = fill(t, 'd', 100);
    withOpen(t, 'd', O.RDONLY | O.DIRECTORY, (fd) => {
      const begun = t.readEntries(fd, SMALL_BUFFER);
      const middle = begun[Math.floor(begun.length / 2)];
      assert.ok(middle !== undefined);
      const before = begun.slice(0, begun.indexOf(middle) + 1).map(nameOf);
      readRest(t, fd);
      t.seek(fd, middle.cookie, C.SEEK_SET);
      assert.deepEqual(withoutDots([...before, ...readRest(t, fd)]), made);
    });
  },
});

const changing = defineCases('readdir', {
  'while told entries are removed misses none of the others': (t) => {
    const made = fill(t, 'd', 250);
    const told: string[] = [];
    withOpen(t, 'd', O.RDONLY | O.DIRECTORY, (fd) => {
      for (let some = t.readEntries(fd, 2048); some.length > 0; some = t.readEntries(fd, 2048)) {
        for (const name of withoutDots(some.map(nameOf))) {
          told.push(name);
          t.unlink(`d/${name}`);
        }
      }
    });
    assert.deepEqual(told.sort(), made);
    assert.deepEqual(names(t, 'd'), []);
    t.rmdir('d');
  },
  'while entries are added tells each old one once': (t) => {
    const made = fill(t, 'd', 200);
    const told: string[] = [];
    let added = 0;
    withOpen(t, 'd', O.RDONLY | O.DIRECTORY, (fd) => {
      for (let some = t.readEntries(fd, 2048); some.length > 0; some = t.readEntries(fd, 2048)) {
        told.push(...some.map(nameOf));
        if (added < 100) {
          for (const last = added + 20; added < last; added += 1) {
            put(t, `d/added-${added}`);
          }
        }
      }
    });
    assert.deepEqual(told.filter((name) => name.startsWith('entry-')).sort(), made);
  },
  'while entries not yet told are removed doubles none': (t) => {
    const made = fill(t, 'd', 200);
    const removed = made.filter((_, index) => index % 3 === 0);
    const stays = made.filter((_, index) => index % 3 !== 0);
    withOpen(t, 'd', O.RDONLY | O.DIRECTORY, (fd) => {
      const told = t.readEntries(fd, SMALL_BUFFER).map(nameOf);
      for (const name of removed) {
        t.unlink(`d/${name}`);
      }
      told.push(...readRest(t, fd, SMALL_BUFFER));
      assert.equal(new Set(told).size, told.length);
      assert.deepEqual(
        withoutDots(told).filter((name) => stays.includes(name)),
        stays,
      );
    });
  },
  'after removing the entry of a cookie goes on behind it': (t) => {
    const made = fill(t, 'd', 50);
    withOpen(t, 'd', O.RDONLY | O.DIRECTORY, (fd) => {
      const begun = t.readEntries(fd, SMALL_BUFFER).filter(({ name }) => name[0] !== 0x2e);
      const last = begun.at(-1);
      assert.ok(last !== undefined);
      t.unlink(`d/${nameOf(last)}`);
      t.seek(fd, last.cookie, C.SEEK_SET);
      assert.deepEqual(withoutDots([...begun.map(nameOf), ...readRest(t, fd)]), made);
    });
  },
  'by another process sees each change': (t) => {
    const other = t.otherProcess();
    t.mkdir('d');
    for (let round = 0; round < 10; round += 1) {
      put(t, `d/${round}`);
      assert.equal(names(other, 'd').length, round + 1);
    }
    t.unlink('d/3');
    assert.equal(names(other, 'd').includes('3'), false);
  },
  'of a new entry follows at once': (t) => {
    t.mkdir('d');
    assert.deepEqual(names(t, 'd'), []);
    put(t, 'd/a');
    assert.deepEqual(names(t, 'd'), ['a']);
    t.rename('d/a', 'd/b');
    assert.deepEqual(names(t, 'd'), ['b']);
    t.unlink('d/b');
    assert.deepEqual(names(t, 'd'), []);
  },
});

const special = defineCases('mknod', {
  'makes a FIFO that carries bytes': (t) => {
    t.makeNode('fifo', 'fifo', 0o640);
    hasStatus(t.stat('fifo'), { kind: 'fifo', mode: 0o640, nlink: 1, size: 0 });
    withOpen(t, 'fifo', O.RDWR | O.NONBLOCK, (fd) => {
      t.write(fd, Uint8Array.of(1, 2, 3));
      assert.deepEqual([...t.read(fd, 10)], [1, 2, 3]);
    });
  },
  'makes a regular file': (t) => {
    t.makeNode('a', 'file', 0o640);
    hasStatus(t.stat('a'), { kind: 'file', mode: 0o640, size: 0 });
    put(t, 'a', 'x');
    holds(t, 'a', 'x');
  },
  'makes a socket': (t) => {
    t.makeNode('socket', 'socket', 0o600);
    hasStatus(t.stat('socket'), { kind: 'socket', mode: 0o600 });
    fails('ENXIO', () => t.open('socket', O.RDWR));
  },
  'takes the umask off the mode': (t) => {
    t.umask(0o077);
    t.makeNode('fifo', 'fifo', 0o666);
    hasStatus(t.stat('fifo'), { mode: 0o600 });
  },
  'on an existing name fails': (t) => {
    put(t, 'a');
    fails('EEXIST', () => t.makeNode('a', 'fifo', 0o600));
  },
  'in a missing directory or below a file fails': (t) => {
    put(t, 'a');
    fails('ENOENT', () => t.makeNode('d/fifo', 'fifo', 0o600));
    fails('ENOTDIR', () => t.makeNode('a/fifo', 'fifo', 0o600));
  },
  'of a FIFO can be linked, renamed and removed': (t) => {
    t.makeNode('fifo', 'fifo', 0o600);
    t.link('fifo', 'second');
    t.rename('fifo', 'moved');
    hasStatus(t.stat('moved'), { kind: 'fifo', nlink: 2 });
    t.unlink('moved');
    t.unlink('second');
    assert.equal(exists(t, 'second'), false);
  },
});

const devices = defineCases(
  'mknod',
  {
    'makes a character device': (t) => {
      t.makeNode('null', 'character device', 0o666, { major: 1, minor: 3 });
      hasStatus(t.stat('null'), {
        kind: 'character device',
        rawDevice: { major: 1, minor: 3 },
      });
    },
    'makes a block device of large numbers': (t) => {
      t.makeNode('b', 'block device', 0o600, { major: 259, minor: 70_000 });
      hasStatus(t.stat('b'), {
        kind: 'block device',
        rawDevice: { major: 259, minor: 70_000 },
      });
    },
  },
  ['root'],
);

export const directoryCases = [...sizes, ...telling, ...changing, ...special, ...devices];
