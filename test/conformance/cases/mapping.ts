/** Mappings of files: what is written one way is read the other, and what a mapping ends at. */
import assert from 'node:assert/strict';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import { C } from '../../support/libc.ts';
import { defineCases, O } from '../case.ts';
import { bytesOf, holds, letClockPass, pattern, put, sameBytes, withOpen } from '../expect.ts';
import type { Mapping, Target } from '../target.ts';

const PAGE_BYTES = 4096;
const SHELL_STATUS_OF_SIGBUS = 128 + constants.signals.SIGBUS;
const toucher = fileURLToPath(new URL('../touch-page-main.ts', import.meta.url));

function withMapping(t: Target, fd: number, bytes: number, body: (mapping: Mapping) => void): void {
  const mapping = t.map(fd, bytes, { write: true, shared: true });
  body(mapping);
  mapping.close();
}

export const mappingCases = defineCases('mmap', {
  'a write through a shared mapping is read without msync': (t) => {
    put(t, 'a', pattern(3 * PAGE_BYTES));
    withOpen(t, 'a', O.RDWR, (fd) =>
      withMapping(t, fd, 3 * PAGE_BYTES, ({ bytes }) => {
        bytes.set(bytesOf('mapped'), PAGE_BYTES - 3);
        sameBytes(t.readAt(fd, 6, PAGE_BYTES - 3), bytesOf('mapped'));
        t.writeAt(fd, bytesOf('written'), PAGE_BYTES - 2);
        sameBytes(bytes.slice(PAGE_BYTES - 3, PAGE_BYTES + 5), bytesOf('mwritten'));
      }),
    );
    const expected = pattern(3 * PAGE_BYTES);
    expected.set(bytesOf('mwritten'), PAGE_BYTES - 3);
    holds(t, 'a', expected);
  },
  'two mappings of one file are one memory': (t) => {
    put(t, 'a', pattern(PAGE_BYTES));
    withOpen(t, 'a', O.RDWR, (fd) =>
      withMapping(t, fd, PAGE_BYTES, (one) =>
        withMapping(t, fd, PAGE_BYTES, (two) => {
          one.bytes.set(bytesOf('one'), 100);
          sameBytes(two.bytes.slice(100, 103), bytesOf('one'));
        }),
      ),
    );
  },
  'another process reads what is written through a mapping': (t) => {
    put(t, 'a', new Uint8Array(PAGE_BYTES));
    const other = t.otherProcess();
    withOpen(t, 'a', O.RDWR, (fd) =>
      withMapping(t, fd, PAGE_BYTES, ({ bytes, sync }) => {
        bytes.set(bytesOf('mapped'), 0);
        sync();
        holds(other, 'a', Buffer.concat([bytesOf('mapped'), new Uint8Array(PAGE_BYTES - 6)]));
      }),
    );
  },
  'a mapping behind the end of the last page is nobody’s': (t) => {
    put(t, 'a', bytesOf('short'));
    withOpen(t, 'a', O.RDWR, (fd) => {
      withMapping(t, fd, PAGE_BYTES, ({ bytes, sync }) => {
        assert.ok(bytes.slice(5).every((byte) => byte === 0));
        bytes.set(bytesOf('lost'), 100);
        sync();
      });
      assert.equal(t.statOpen(fd).size, 5);
      t.truncateOpen(fd, 200);
    });
    holds(t, 'a', Buffer.concat([bytesOf('short'), new Uint8Array(195)]));
  },
  'growing shows in a mapping, and so does cutting': (t) => {
    put(t, 'a', pattern(PAGE_BYTES));
    withOpen(t, 'a', O.RDWR, (fd) =>
      withMapping(t, fd, 2 * PAGE_BYTES, ({ bytes }) => {
        t.writeAt(fd, bytesOf('grown'), PAGE_BYTES);
        sameBytes(bytes.slice(PAGE_BYTES, PAGE_BYTES + 5), bytesOf('grown'));
        t.truncateOpen(fd, 10);
        assert.ok(bytes.slice(10, PAGE_BYTES).every((byte) => byte === 0));
      }),
    );
  },
  'touching a page behind the end of the file ends the process': (t) => {
    put(t, 'a', 'short');
    const touch = (offset: number) =>
      t.execute('/bin/sh', ['-c', '"$0" "$1" a "$2"', process.execPath, toucher, String(offset)]);
    assert.equal(touch(4), 0);
    assert.equal(touch(100), 0);
    assert.equal(touch(PAGE_BYTES), SHELL_STATUS_OF_SIGBUS);
  },
  'msync moves the modification time of what was written': (t) => {
    put(t, 'a', pattern(PAGE_BYTES));
    withOpen(t, 'a', O.RDWR, (fd) => {
      const { mtime } = t.statOpen(fd);
      letClockPass();
      withMapping(t, fd, PAGE_BYTES, ({ bytes, sync }) => {
        bytes[0] = 1;
        sync();
      });
      assert.ok(t.statOpen(fd).mtime > mtime);
    });
  },
  'a mapping of a removed file goes on': (t) => {
    put(t, 'a', pattern(PAGE_BYTES));
    withOpen(t, 'a', O.RDWR, (fd) =>
      withMapping(t, fd, PAGE_BYTES, ({ bytes, sync }) => {
        t.unlink('a');
        bytes.set(bytesOf('gone'), 0);
        sync();
        sameBytes(t.readAt(fd, 4, 0), bytesOf('gone'));
      }),
    );
  },
  'a hole becomes data where it is written': (t) => {
    put(t, 'a');
    withOpen(t, 'a', O.RDWR, (fd) => {
      t.truncateOpen(fd, 64 * PAGE_BYTES);
      withMapping(t, fd, 64 * PAGE_BYTES, ({ bytes, sync }) => {
        bytes[40 * PAGE_BYTES] = 7;
        sync();
      });
      assert.ok(t.statOpen(fd).blocks > 0);
      assert.equal(t.readAt(fd, 1, 40 * PAGE_BYTES)[0], 7);
      assert.ok(t.seek(fd, 0, C.SEEK_DATA) <= 40 * PAGE_BYTES);
    });
  },
});
