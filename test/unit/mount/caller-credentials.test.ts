import { type ChildProcess, spawn } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Capability, Extension } from '../../../client/protocol/extensions.ts';
import type { Session } from '../../../client/session.ts';
import { CallerCredentials } from '../../../mount/caller-credentials.ts';
import { isRoot } from '../../support/machine.ts';

const LIMIT_MS = 30_000;

const children: ChildProcess[] = [];

afterEach(() => {
  for (const child of children.splice(0)) {
    child.kill('SIGKILL');
  }
});

/** Starts a program that sleeps, and gives its process id when it runs. */
async function start(command: string, ...options: string[]): Promise<number> {
  const child = spawn(command, [...options, 'sh', '-c', 'echo ready; exec sleep 60'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  await new Promise((resolve, reject) => {
    child.stdout?.once('data', resolve);
    child.once('error', reject);
  });
  return child.pid as number;
}

/** As much of a session as registers credentials, and a way to tell of its recovery. */
function fakeSession(
  extensions: readonly number[],
  registerCredential: (...user: unknown[]) => number,
) {
  const recovered: ((isKnown: boolean) => void)[] = [];
  const onRecovered = (action: (isKnown: boolean) => void) => recovered.push(action);
  const session = { extensions: new Set(extensions), registerCredential, onRecovered };
  const recover = (isKnown: boolean) => recovered.forEach((action) => void action(isKnown));
  return { session: session as unknown as Session, recover };
}

/** The capabilities that the server is told of a caller. */
function toldOf(
  pid: number,
  uid: number,
  extensions: readonly number[] = [Extension.CAPABILITIES],
) {
  const registerCredential = vi.fn(() => 1);
  const { session } = fakeSession(extensions, registerCredential);
  new CallerCredentials(session).of({ pid, uid, gid: 0, umask: 0, keepsAccessTimes: false });
  return (registerCredential.mock.calls as unknown[][])[0]?.[3];
}

function isUnreadable(link: string): boolean {
  try {
    readlinkSync(link);
    return false;
  } catch {
    return true;
  }
}

it('the server is told who leaves no access times, for his reading alone', {
  timeout: LIMIT_MS,
}, () => {
  const registerCredential = vi.fn((...user: unknown[]) => user.length);
  const { session } = fakeSession([Extension.CAPABILITIES], registerCredential);
  const credentials = new CallerCredentials(session);
  const caller = { pid: 0, uid: 4001, gid: 4002, umask: 0, keepsAccessTimes: true };
  credentials.of(caller);
  credentials.ofReader({ ...caller, keepsAccessTimes: false });
  credentials.ofReader(caller);
  expect(registerCredential.mock.calls).toEqual([
    [4001, 4002, [], undefined, false],
    [4001, 4002, [], Capability.FOWNER, true],
  ]);
});

it('a server that has forgotten its clients is told anew', { timeout: LIMIT_MS }, () => {
  const registerCredential = vi.fn(() => registerCredential.mock.calls.length);
  const { session, recover } = fakeSession([], registerCredential);
  const credentials = new CallerCredentials(session);
  const caller = { pid: 0, uid: 4001, gid: 4002, umask: 0, keepsAccessTimes: false };
  expect(credentials.of(caller)).toBe(1);
  recover(true);
  expect(credentials.of(caller)).toBe(1);
  recover(false);
  expect(credentials.of(caller)).toBe(2);
});

describe.skipIf(!isRoot())('what the server is told of the capabilities of a caller', () => {
  it('is none for another user', { timeout: LIMIT_MS }, async () => {
    const pid = await start('setpriv', '--reuid=4001', '--regid=4001', '--clear-groups');
    expect(toldOf(pid, 4001)).toBe(0);
  });

  it('is what root has kept', { timeout: LIMIT_MS }, async () => {
    const pid = await start('setpriv', '--bounding-set=-all,+chown');
    expect(toldOf(pid, 0)).toBe(Capability.CHOWN);
  });

  it('is none for who has them in a user namespace', { timeout: LIMIT_MS }, async () => {
    const pid = await start('unshare', '--user', '--map-root-user');
    expect(readlinkSync(`/proc/${pid}/ns/user`)).not.toBe(readlinkSync('/proc/self/ns/user'));
    expect(toldOf(pid, 0)).toBe(0);
  });

  it('is nothing where the process is unknown', { timeout: LIMIT_MS }, () => {
    expect(toldOf(0, 0)).toBeUndefined();
  });

  it('is nothing where the namespace cannot be seen', { timeout: LIMIT_MS }, (context) => {
    const isHidden = isUnreadable('/proc/1/ns/user');
    context.skip(!isHidden, 'this machine lets us see the namespace of the first process');
    expect(toldOf(1, 0)).toBeUndefined();
  });

  it('is nothing where the server does not ask', { timeout: LIMIT_MS }, async () => {
    expect(toldOf(await start('env'), 0, [])).toBeUndefined();
  });
});
