/**
 * Requests under way when the server comes back and does not know the client any more: what may be done
 * twice is made again, nothing is made in the name of somebody else, and the rest fails.
 *
 *     npx vitest run test/recovery/forgotten-client.test.ts
 */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { DafsError, FileClient, Session } from '../../client/index.ts';
import { operations } from '../../client/protocol/index.ts';
import { type ServerProcess, Workspace } from '../support/workspace.ts';
import { openArguments, unchecked } from '../unit/server/support/files.ts';

const LIMIT_MS = 60_000;
/** The kernel takes a killed process's connections down by itself. */
const DEATH_MS = 300;

let workspace: Workspace;
let server: ServerProcess;
let session: Session;
let replaced = 0;

beforeEach(async () => {
  workspace = Workspace.create();
  server = await workspace.startServer({ name: 'forgets' });
  session = Session.connect(server.fabricSocket, { recovery: { timeoutMs: LIMIT_MS } });
}, LIMIT_MS);

afterEach(async () => {
  session.close();
  await workspace.dispose();
}, LIMIT_MS);

/** The same comes back. */
async function restartServer(): Promise<void> {
  await server.kill();
  const { name, database } = server;
  server = await workspace.startServer({ name, database });
}

/** In its place comes one that has never heard of any client. */
async function replaceServer(): Promise<void> {
  await server.kill();
  replaced += 1;
  server = await workspace.startServer({
    name: 'forgets',
    database: workspace.path(`other-${replaced}.sqlite`),
  });
}

/** How a call fails. */
function codeOf(call: () => unknown): string {
  try {
    call();
    return 'OK';
  } catch (error) {
    return error instanceof DafsError ? error.code : String(error);
  }
}

it(
  'a request with a credential is not made with the same handle of another client',
  async () => {
    const credential = session.registerCredential(1234, 1234);
    await replaceServer();
    const root = () => session.call(operations.GET_ROOT_HANDLE, {}, credential);
    expect(codeOf(root)).toBe('CLIENT_FORGOTTEN');
    // The session has come back: the handle is the next one's who registers a credential.
    expect(codeOf(root)).toBe('DAFSERR_NO_CREDS');
    expect(session.registerCredential(4321, 4321)).toBe(credential);
    expect(codeOf(root)).toBe('OK');
  },
  LIMIT_MS,
);

it(
  'a request is made again when it does no harm to do it twice',
  async () => {
    const { root } = new FileClient(session);
    await replaceServer();
    // The root of the other files has another handle: it is the server that says so.
    const open = openArguments(root, 'file', {});
    expect(codeOf(() => session.call(operations.OPEN, open))).toMatch(/^DAFSERR_/);
    await replaceServer();
    // Nobody can tell any more whether it has made the file.
    const creating = openArguments(root, 'file', { open: unchecked() });
    expect(codeOf(() => session.call(operations.OPEN, creating))).toBe('CONNECTION_LOST');
  },
  LIMIT_MS,
);

it(
  'who was away when the client was forgotten is told so by the next recovery',
  async () => {
    session.close();
    session = Session.connect(server.fabricSocket, { recovery: { timeoutMs: 300 } });
    const told: boolean[] = [];
    let isFirst = true;
    session.onRecovered(() => {
      if (isFirst) {
        isFirst = false;
        server.child.kill('SIGKILL');
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, DEATH_MS);
      }
      session.call(operations.GET_ROOT_HANDLE, {});
    });
    session.onRecovered((isKnown) => told.push(isKnown));
    await replaceServer();
    const root = () => session.call(operations.GET_ROOT_HANDLE, {});
    // It may be answered before the server dies.
    codeOf(root);
    expect(told).toEqual([]);
    // It knows who came last: the client that was not told that it had been forgotten before.
    await restartServer();
    expect(codeOf(root)).toBe('OK');
    expect(told).toEqual([false]);
    await restartServer();
    expect(codeOf(root)).toBe('OK');
    expect(told).toEqual([false, true]);
  },
  LIMIT_MS,
);
