/**
 * `hostile-server-main.ts SOCKET SEED MILLISECONDS`: does all that a client can do with a server whose
 * answers are mutants, and prints how that went. Each call gives what the caller can use, or throws a
 * DafsError.
 */
import { DafsError, FileClient, Session } from '../../client/index.ts';
import type { Filehandle, StateId } from '../../client/protocol/types.ts';
import { Random } from '../support/random.ts';
import { stopwatch } from './support/fuzz.ts';

const [path = '', seed = '1', durationMs = '1000'] = process.argv.slice(2);
const random = new Random(Number(seed));
const name = Buffer.from('name');
const handle = new Uint8Array(64) as Filehandle;
const file = { handle, stateId: 1n as StateId };
const small = new Uint8Array(100);
const large = new Uint8Array(200_000);

/** @throws Error when the server makes the client tell of more bytes than there can be */
function requireAtMost(count: number, limit: number): void {
  if (!(Number.isInteger(count) && count >= 0 && count <= limit)) {
    throw new Error(`${count} of ${limit} bytes`);
  }
}

const calls: readonly ((files: FileClient) => unknown)[] = [
  (files) => files.lookup(handle, name),
  (files) => files.getattr(handle),
  (files) => files.setattr(handle, { mode: 0o600 }),
  (files) => files.open(handle, name, 'both'),
  (files) => files.close(file),
  (files) => requireAtMost(files.read(file, 0, small), small.length),
  (files) => requireAtMost(files.read(file, 0, large), large.length),
  (files) => requireAtMost(files.write(file, 0, small).bytes, small.length),
  (files) => requireAtMost(files.write(file, 0, large).bytes, large.length),
  (files) => files.commit(handle),
  (files) => files.mkdir(handle, name, 0o700),
  (files) => files.symlink(handle, name, name),
  (files) => files.link(handle, handle, name),
  (files) => files.unlink(handle, name),
  (files) => files.rename(handle, name, handle, name),
  (files) => files.readdir(handle),
  (files) => files.readlink(handle),
  (files) => files.statfs(handle),
  (files) => files.access(handle, 7),
  (files) => files.openAttributes(handle),
];

const isOver = stopwatch(Number(durationMs));
const outcomes = { answered: 0, refused: 0, sessions: 0 };
while (!isOver()) {
  try {
    const session = Session.connect(path, { timeoutMs: 30_000 });
    outcomes.sessions += 1;
    try {
      const files = new FileClient(session);
      while (session.isAlive && !isOver()) {
        try {
          random.pick(calls)(files);
          outcomes.answered += 1;
        } catch (error) {
          if (!(error instanceof DafsError)) {
            throw error;
          }
          outcomes.refused += 1;
        }
      }
    } finally {
      session.close();
    }
  } catch (error) {
    if (!(error instanceof DafsError)) {
      throw error;
    }
    outcomes.refused += 1;
  }
}
process.stdout.write(JSON.stringify(outcomes));
