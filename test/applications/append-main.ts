/**
 * Appends records to a file that others append to as well: log lines of all lengths up to what one
 * request carries. Each tells who wrote it, the how-manieth of his it is, and how long it is.
 *
 * Arguments: FILE WRITER SEED RECORDS
 */
import assert from 'node:assert/strict';
import { constants } from 'node:fs';
import { call, pathBytes } from '../support/libc.ts';
import { Random } from '../support/random.ts';
import { recordOf } from './append-records.ts';

const { O_WRONLY, O_RDWR, O_CREAT, O_APPEND } = constants;

const [file = '', writer = '0', seed = '1', records = '100'] = process.argv.slice(2);
const random = new Random(Number(seed));

function open(): number {
  const access = random.oneIn(2) ? O_WRONLY : O_RDWR;
  return call('open', pathBytes(file), access | O_CREAT | O_APPEND, 0o644);
}

let fd = open();
for (let number = 0; number < Number(records); number += 1) {
  if (random.oneIn(16)) {
    call('close', fd);
    fd = open();
  }
  const record = recordOf(Number(writer), number, random);
  assert.equal(call('write', fd, record, record.length), record.length);
}
call('close', fd);
