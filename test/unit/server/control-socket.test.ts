import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { askStatus } from '../../support/control.ts';
import { Workspace } from '../../support/workspace.ts';

let workspace: Workspace | undefined;
afterEach(() => workspace?.dispose());

it('outlives whoever hangs up in the middle of answers', async () => {
  workspace = Workspace.create();
  const server = await workspace.startServer();
  const path = server.fabricSocket.replace(/fabric$/, 'control');
  for (let call = 0; call < 50; call += 1) {
    const socket = connect(path);
    socket.on('error', () => {});
    await once(socket, 'connect');
    // What is not read when it hangs up resets the connection.
    socket.pause();
    socket.write('{"command":"status"}\n'.repeat(20));
    await setTimeout(5);
    socket.destroy();
  }
  expect((await askStatus(workspace, server.name)).sessions).toEqual([]);
  expect(server.child.exitCode).toBeNull();
}, 60_000);
