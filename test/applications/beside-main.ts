/**
 * Writes numbers at a place of a file and reads each of them again at once, or reads alone, while
 * others do the same beside it in the same page.
 *
 * Arguments: FILE PLACE writes|reads ROUNDS
 */
import assert from 'node:assert/strict';
import { constants } from 'node:fs';
import { call, pathBytes } from '../support/libc.ts';

const [path = '', place = '0', role = 'writes', rounds = '1000'] = process.argv.slice(2);
const offset = Number(place);
const written = new Uint32Array(1);
const read = new Uint32Array(1);
const fd = call('open', pathBytes(path), constants.O_RDWR, 0);

/** The number at the place. */
function readNumber(): number {
  assert.equal(call('pread', fd, new Uint8Array(read.buffer), 4, offset), 4);
  return read[0] as number;
}

let last = 0;
for (let round = 1; round <= Number(rounds); round += 1) {
  if (role === 'writes') {
    written[0] = round;
    assert.equal(call('pwrite', fd, new Uint8Array(written.buffer), 4, offset), 4);
    assert.equal(readNumber(), round, 'what was just written is not there');
  } else {
    const number = readNumber();
    assert.ok(number >= last, `${number} has come after ${last}`);
    last = number;
  }
}
