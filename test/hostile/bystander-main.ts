/**
 * A client that does no wrong, beside one that does: it writes, reads back and compares, makes and
 * removes names, and tells its parent after every few rounds that it goes on. What it is to keep
 * secret it tells, too, so that a test can betray it.
 */
import { createClientIdentity, FileClient, Session } from '../../client/index.ts';
import type { Betrayed } from './betrayed.ts';

const ROUNDS_PER_REPORT = 5;
const BYTES = 70_000;

const identity = createClientIdentity();
// With recovery the server keeps its responses; but nothing that others do may make it recover.
const recovery = { timeoutMs: 10_000 };
const session = Session.connect(process.argv[2] as string, { identity, recovery });
session.onRecovered(() => process.exit(2));
const files = new FileClient(session);
const attributes = { mode: 0o600 };
const name = Buffer.from(`bystander ${process.pid}`);
const file = files.open(files.root, name, 'both', { mode: 'guarded', attributes });
const buffer = session.allocateBuffer(BYTES, 'both');

/** Its own state and memory, as its messages name them. */
const betrayed: Betrayed = {
  sessionId: String(session.terms.sessionId),
  stateId: String(file.stateId),
  filehandle: Buffer.from(file.handle).toString('hex'),
  clientIdString: Buffer.from(identity.name).toString('hex'),
  memory: { address: buffer.address, byteCount: BYTES, handle: buffer.handle },
};
process.send?.({ betrayed });

function round(number: number): void {
  const value = number % 251;
  buffer.memory.fill(value);
  files.writeRegistered(file, 0, buffer, 0, BYTES);
  files.write(file, BYTES, Buffer.alloc(100, value));
  buffer.memory.fill(255);
  files.readRegistered(file, 0, buffer, 0, BYTES);
  const tail = Buffer.alloc(200);
  const isWhole = files.read(file, BYTES, tail) === 100 && tail[99] === value;
  if (!isWhole || !buffer.memory.every((byte) => byte === value)) {
    throw new Error(`round ${number}: what was read is not what was written`);
  }
  const made = Buffer.from(`${name} ${number}`);
  files.mkdir(files.root, made, 0o700);
  files.rmdir(files.root, made);
}

let number = 0;
function work(): void {
  for (let count = 0; count < ROUNDS_PER_REPORT; count += 1) {
    round(number);
    number += 1;
  }
  process.send?.({ rounds: number });
  setImmediate(work);
}

process.once('disconnect', () => process.exit(1));
process.on('message', () => {
  // Told to end: all that it holds is given back properly, which fails if the session is broken.
  files.close(file);
  session.close();
  process.exit(0);
});
work();
