/**
 * A client that opens a file and locks it, says `locked`, and keeps the lock until its session is over.
 *
 * Arguments: the server's socket, the name of the client, and its verifier.
 */
import { FileClient, Session } from '../../client/index.ts';
import { OwnerLocks } from '../../client/owner-locks.ts';
import { Extension, LockKind, type Verifier } from '../../client/protocol/index.ts';

const [fabricSocket = '', name = '', verifier = ''] = process.argv.slice(2);
const encoder = new TextEncoder();
const identity = { name: encoder.encode(name), verifier: BigInt(verifier) as Verifier };
const session = Session.connect(fabricSocket, { identity, extensions: [Extension.LOCKS] });
const files = new FileClient(session);
const file = files.open(files.root, encoder.encode('file'), 'both', {
  mode: 'unchecked',
  attributes: { mode: 0o600 },
});
const whole = { kind: LockKind.FLOCK, offset: 0n, length: 1n } as const;
const owner = encoder.encode('holder');
new OwnerLocks(session).lock(file, { ...whole, owner, mode: 'write', pid: process.pid }, 0n);
process.stdout.write('locked\n');
setInterval(() => {
  session.poll();
  if (!session.isAlive) process.exit();
}, 50);
