import assert from 'node:assert/strict';
import { constants } from 'node:fs';
import { type CaseBody, defineCases, O } from '../case.ts';
import {
  bytesOf,
  content,
  exists,
  fails,
  hasStatus,
  holds,
  MIB,
  names,
  pattern,
  put,
  sameBytes,
  withOpen,
} from '../expect.ts';
import type { Target } from '../target.ts';

const SLASH = 0x2f;
const longest = 'n'.repeat(255);
const tooLong = 'n'.repeat(256);

/** Names that some file system or other stumbles on. */
const oddNames: Readonly<Record<string, string | Uint8Array>> = {
  'a space': ' ',
  'a newline': 'a\nb',
  'three dots': '...',
  'a leading dash': '-rf',
  'a backslash': 'a\\b',
  'a star': '*',
  'a colon': 'C:',
  'a control character': '\u0001\u001b[0m',
  'letters beyond ASCII': 'žluťoučký kůň',
  'letters beyond the basic plane': '𝔡𝔞𝔣𝔰 📁',
  'invalid UTF-8': Uint8Array.of(0xff, 0xfe, 0x80),
  'a UTF-8 sequence cut short': Uint8Array.of(0x61, 0xe2, 0x82),
  'an overlong UTF-8 sequence': Uint8Array.of(0xc0, 0xaf),
  'a UTF-16 surrogate in UTF-8': Uint8Array.of(0xed, 0xa0, 0x80),
};

const odd = defineCases(
  'name',
  Object.fromEntries(
    Object.entries(oddNames).map(([label, name]): [string, CaseBody] => [
      `of ${label} is kept to the byte`,
      (t) => {
        const bytes = typeof name === 'string' ? bytesOf(name) : name;
        put(t, bytes, 'x');
        holds(t, bytes, 'x');
        withOpen(t, '.', O.RDONLY | O.DIRECTORY, (fd) => {
          const found = t
            .readEntries(fd)
            .filter((entry) => !/^\.\.?$/.test(String(Buffer.from(entry.name))));
          assert.equal(found.length, 1);
          sameBytes(found[0]?.name ?? new Uint8Array(), bytes);
        });
        t.rename(bytes, 'plain');
        t.rename('plain', bytes);
        t.unlink(bytes);
        assert.deepEqual(names(t, '.'), []);
      },
    ]),
  ),
);

const naming = defineCases('name', {
  'of every byte but zero and slash is kept': (t) => {
    const expected: string[] = [];
    for (let byte = 1; byte < 256; byte += 1) {
      if (byte !== SLASH) {
        const name = Uint8Array.of(0x6e, byte);
        put(t, name);
        expected.push(Buffer.from(name).toString('latin1'));
      }
    }
    assert.deepEqual(names(t, '.'), expected.sort());
  },
  'in upper and lower case are two': (t) => {
    put(t, 'name', 'lower');
    put(t, 'NAME', 'upper');
    holds(t, 'name', 'lower');
    holds(t, 'NAME', 'upper');
  },
  'composed and decomposed are two': (t) => {
    put(t, 'é'.normalize('NFC'), 'composed');
    put(t, 'é'.normalize('NFD'), 'decomposed');
    holds(t, 'é'.normalize('NFC'), 'composed');
    holds(t, 'é'.normalize('NFD'), 'decomposed');
  },
  'of 255 bytes is kept': (t) => {
    put(t, longest, 'x');
    holds(t, longest, 'x');
    assert.deepEqual(names(t, '.'), [longest]);
    t.rename(longest, `m${longest.slice(1)}`);
    t.mkdir(longest);
    put(t, `${longest}/${longest}`, 'y');
    holds(t, `${longest}/${longest}`, 'y');
  },
  'of 255 bytes in letters of two is kept': (t) => {
    const name = `${'é'.repeat(127)}x`;
    put(t, name, 'x');
    holds(t, name, 'x');
  },
  'with dots in between are names like others': (t) => {
    for (const name of ['..a', '.a', 'a.', 'a..', '....']) {
      put(t, name, name);
      holds(t, name, name);
    }
  },
});

const longNameCalls: Readonly<Record<string, (t: Target) => void>> = {
  open: (t) => void t.open(tooLong, O.RDONLY),
  'open with O_CREAT': (t) => void t.open(tooLong, O.WRONLY | O.CREAT),
  stat: (t) => void t.stat(tooLong),
  mkdir: (t) => t.mkdir(tooLong),
  rmdir: (t) => t.rmdir(tooLong),
  unlink: (t) => t.unlink(tooLong),
  link: (t) => t.link('a', tooLong),
  symlink: (t) => t.symlink('a', tooLong),
  readlink: (t) => void t.readlink(tooLong),
  rename: (t) => t.rename('a', tooLong),
  'rename from it': (t) => t.rename(tooLong, 'b'),
  mknod: (t) => t.makeNode(tooLong, 'fifo', 0o600),
  chmod: (t) => t.chmod(tooLong, 0o600),
  truncate: (t) => t.truncate(tooLong, 0),
  'a path through it': (t) => void t.stat(`${tooLong}/x`),
};

const tooLongNames = defineCases(
  'name',
  Object.fromEntries(
    Object.entries(longNameCalls).map(([label, step]): [string, CaseBody] => [
      `of 256 bytes fails: ${label}`,
      (t) => {
        put(t, 'a');
        fails('ENAMETOOLONG', () => step(t));
      },
    ]),
  ),
);

const paths = defineCases('path', {
  'of 4095 bytes works, of 4096 fails': (t) => {
    const full = './'.repeat(2047);
    put(t, 'a', 'x');
    holds(t, `${full}a`, 'x');
    fails('ENAMETOOLONG', () => t.stat(`./${full}a`));
  },
  'with slashes doubled is the same path': (t) => {
    t.mkdir('d');
    put(t, 'd//a', 'x');
    holds(t, './/d///a', 'x');
  },
  'with . and .. is resolved': (t) => {
    t.mkdir('d');
    t.mkdir('d/e');
    put(t, 'd/a', 'x');
    holds(t, 'd/e/../a', 'x');
    holds(t, 'd/./e/./../../d/a', 'x');
  },
  'with .. behind a symlink leaves what it names': (t) => {
    t.mkdir('d');
    t.mkdir('d/e');
    put(t, 'd/a', 'right');
    put(t, 'a', 'wrong');
    t.symlink('d/e', 'link');
    holds(t, 'link/../a', 'right');
  },
  'of a directory may end in a slash': (t) => {
    t.mkdir('d');
    hasStatus(t.stat('d/'), { kind: 'directory' });
    hasStatus(t.stat('d/.'), { kind: 'directory' });
    t.rmdir('d/');
    assert.equal(exists(t, 'd'), false);
  },
  'from a changed working directory is relative to it': (t) => {
    t.mkdir('d');
    t.chdir('d');
    put(t, 'a', 'x');
    holds(t, '../d/a', 'x');
    t.chdir('..');
    holds(t, 'd/a', 'x');
  },
  'to change into a file fails': (t) => {
    put(t, 'a');
    fails('ENOTDIR', () => t.chdir('a'));
    fails('ENOENT', () => t.chdir('nothing'));
  },
});

const precedence = defineCases('error', {
  'a missing source comes before an existing target': (t) => {
    put(t, 'b');
    fails('ENOENT', () => t.link('a', 'b'));
    fails('ENOENT', () => t.rename('a', 'b'));
  },
  'an existing target comes before a directory as source of a link': (t) => {
    t.mkdir('d');
    put(t, 'b');
    fails('EEXIST', () => t.link('d', 'b'));
  },
  'a file in the path comes before a missing name': (t) => {
    put(t, 'a');
    fails('ENOTDIR', () => t.stat('a/b/c'));
    fails('ENOENT', () => t.stat('b/a/c'));
  },
  'a missing directory comes before a name that is too long': (t) => {
    fails('ENOENT', () => t.stat(`d/${tooLong}`));
    fails('ENOENT', () => t.mkdir(`d/${tooLong}`));
  },
  'a failed call leaves everything as it was': (t) => {
    put(t, 'a', 'x');
    t.mkdir('d');
    const before = t.stat('.');
    fails('EEXIST', () => t.mkdir('d'));
    fails('ENOTDIR', () => t.rmdir('a'));
    fails('ENOENT', () => t.unlink('b'));
    fails('EINVAL', () => t.rename('d', 'd/e'));
    const { atime: _, ...after } = t.stat('.');
    hasStatus(before, after);
    assert.deepEqual(names(t, '.'), ['a', 'd']);
  },
});

const statistics = defineCases('statfs', {
  'tells sizes that fit together': (t) => {
    const found = t.statistics('.');
    assert.ok(found.blockSize >= 512);
    assert.ok(found.blocks > 0);
    assert.ok(found.freeBlocks <= found.blocks);
    assert.ok(found.availableBlocks <= found.freeBlocks);
    assert.ok(found.freeFiles <= found.files);
  },
  'tells the longest name': (t) => {
    assert.equal(t.statistics('.').maxNameBytes, 255);
  },
  'of a missing path fails': (t) => {
    fails('ENOENT', () => t.statistics('nothing'));
  },
  'tells less room after a large write': (t) => {
    // Others may give room back on the same file system meanwhile, so that one look proves nothing.
    for (let attempt = 0; attempt < 20; attempt += 1) {
      const before = t.statistics('.');
      withOpen(t, `a${attempt}`, O.WRONLY | O.CREAT, (fd) => {
        for (let part = 0; part < 32; part += 1) {
          t.write(fd, pattern(MIB, part + 1));
        }
        t.sync(fd);
      });
      if (t.statistics('.').freeBlocks < before.freeBlocks) {
        return;
      }
    }
    assert.fail('twenty files of 32 MiB left the room as it was');
  },
});

const execution = defineCases('exec', {
  'a script on it runs': (t) => {
    put(t, 'script', '#!/bin/sh\nexit "$1"\n', 0o755);
    assert.equal(t.execute('./script', ['7']), 7);
  },
  'a program on it runs': (t) => {
    put(t, 'program', new Uint8Array(), 0o755);
    copyProgram(t, '/bin/true', 'program');
    assert.equal(t.execute('./program', []), 0);
  },
  'a file without permission to run does not': (t) => {
    put(t, 'script', '#!/bin/sh\n', 0o644);
    fails('EACCES', () => t.execute('./script', []));
    fails('EACCES', () => t.access('script', constants.X_OK));
  },
});

function copyProgram(t: Target, source: string, path: string): void {
  put(t, path, content(t, source), 0o755);
}

export const nameCases = [
  ...odd,
  ...naming,
  ...tooLongNames,
  ...paths,
  ...precedence,
  ...statistics,
  ...execution,
];
