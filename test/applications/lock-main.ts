/**
 * Waits for a lock of a whole file, says `locked` when it is there, and keeps it until standard input ends.
 *
 * Arguments: FILE KIND, which is `record`, `open file` or `flock`. What fails is said by its errno.
 */
import { constants } from 'node:fs';
import { flock, waitForLock } from '../conformance/posix-locks.ts';
import { call, PosixError, pathBytes } from '../support/libc.ts';

const [path = '', kind = 'record'] = process.argv.slice(2);
const fd = call('open', pathBytes(path), constants.O_RDWR | constants.O_CREAT, 0o644);

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

process.stdin.resume().once('end', () => process.exit());
try {
  if (kind === 'flock') {
    flock(fd, 'exclusive', true);
  } else {
    waitForLock(fd, { type: 'write', ofOpenFile: kind === 'open file' });
  }
  say('locked');
} catch (error) {
  say(error instanceof PosixError ? error.code : String(error));
}
