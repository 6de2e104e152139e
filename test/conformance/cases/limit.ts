/** Where calls end: limits of processes, files that run, and what readiness means. */
import assert from 'node:assert/strict';
import { C } from '../../support/libc.ts';
import { defineCases, O } from '../case.ts';
import { alice, content, fails, holds, put, withOpen } from '../expect.ts';
import type { Target } from '../target.ts';

/** Runs a script of sh(1) in the case's directory; its status is 0 when all of it held. */
function shell(t: Target, script: string): void {
  assert.equal(t.execute('/bin/sh', ['-euc', script]), 0);
}

function copyProgram(t: Target, source: string): void {
  put(t, 'program', content(t, source), 0o755);
}

const running = defineCases('running', {
  'a program that runs is opened for no writing': (t) => {
    copyProgram(t, '/bin/sleep');
    // The child is the program once it has called exec(2).
    shell(
      t,
      `./program 60 & trap "kill $!" EXIT
       until [ "$(readlink /proc/$!/exe)" = "$PWD/program" ]; do :; done
       for try in 'echo >> program' 'echo > program' 'truncate -s 1 program'; do
         if said=$(LC_ALL=C sh -c "$try" 2>&1); then exit 2; fi
         case $said in *'Text file busy'*) ;; *) exit 3 ;; esac
       done
       cat program > /dev/null; chmod 700 program; mv program other; rm other`,
    );
  },
  'a program that ended is written again': (t) => {
    copyProgram(t, '/bin/true');
    shell(t, './program; echo more >> program');
  },
  'a file that is open for writing does not run': (t) => {
    copyProgram(t, '/bin/true');
    const fd = t.open('program', O.WRONLY);
    fails('ETXTBSY', () => t.execute('./program', []));
    t.close(fd);
    assert.equal(t.execute('./program', []), 0);
  },
});

const privileges = defineCases(
  'running',
  {
    'set-user-ID gives the owner’s rights': (t) => {
      copyProgram(t, '/usr/bin/id');
      t.chown('program', alice.uid, alice.gid);
      t.chmod('program', 0o4755);
      shell(t, `[ "$(./program -u)" = ${alice.uid} ]`);
    },
  },
  ['root'],
);

const sizes = defineCases('RLIMIT_FSIZE', {
  'a write across the limit is cut there, and the next one fails': (t) => {
    shell(
      t,
      `ulimit -f 16; trap '' XFSZ
       if said=$(LC_ALL=C dd if=/dev/zero of=a bs=12288 count=2 2>&1); then exit 2; fi
       case $said in *'File too large'*) ;; *) exit 3 ;; esac
       [ $(stat -c %s a) = 8192 ]`,
    );
  },
  'a truncation beyond the limit fails': (t) => {
    put(t, 'a', 'kept');
    shell(
      t,
      `ulimit -f 16; trap '' XFSZ
       if said=$(LC_ALL=C truncate -s 100000 a 2>&1); then exit 2; fi
       case $said in *'File too large'*) ;; *) exit 3 ;; esac`,
    );
    holds(t, 'a', 'kept');
  },
  'a write beyond the limit ends a process that does not care': (t) => {
    // 128 and the number of SIGXFSZ.
    shell(
      t,
      `ulimit -f 1; status=0; (ulimit -c 0; exec dd if=/dev/zero of=a bs=8192) || status=$?
              [ $status = 153 ]`,
    );
  },
});

const readiness = defineCases('poll', {
  'a file is ready for reading and writing, at its end, too': (t) => {
    put(t, 'a', 'x');
    withOpen(t, 'a', O.RDWR, (fd) => {
      assert.equal(t.poll(fd), C.POLLIN | C.POLLOUT);
      t.seek(fd, 0, C.SEEK_END);
      assert.equal(t.poll(fd), C.POLLIN | C.POLLOUT);
    });
  },
  'a directory is ready': (t) => {
    withOpen(t, '.', O.RDONLY | O.DIRECTORY, (fd) => {
      assert.equal(t.poll(fd), C.POLLIN | C.POLLOUT);
    });
  },
  'what synchronises the whole file system succeeds': (t) => {
    put(t, 'a', 'x');
    withOpen(t, 'a', O.RDONLY, (fd) => t.syncFileSystem(fd));
    holds(t, 'a', 'x');
  },
});

export const limitCases = [...running, ...privileges, ...sizes, ...readiness];
