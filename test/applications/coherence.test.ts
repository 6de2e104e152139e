/**
 * Two mounts of one server by the kernel driver: each change through one shows through the other,
 * without opening anew after a moment, and in whatever is opened or looked up afterwards at once.
 *
 *     npx vitest run test/applications/coherence.test.ts
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { FileAgent, type FileCalls } from '../support/file-agent.ts';
import { firstObstacle, isRoot, mountObstacle } from '../support/machine.ts';
import { until } from '../support/run.ts';
import { type MountProcess, type ServerProcess, Workspace } from '../support/workspace.ts';

/** It takes some milliseconds; a loaded machine may stop any of the processes for a while. */
const SEEN_LIMIT_MS = 20_000;
const LIMIT_MS = 120_000;

/** The server remembers some 4,000 changes for a mount that does not listen. */
const MORE_THAN_REMEMBERED = 4500;

const obstacle = firstObstacle(mountObstacle());

let workspace: Workspace;
let server: ServerProcess;
let first: MountProcess;
let second: MountProcess;
/** Processes that use the first and the second mount. */
let here: FileCalls;
let there: FileCalls;
/** Each test has a directory of its own; `mine` and `its` are paths in it through either mount. */
let tests = 0;
const mine = (name = '') => `${first.directory}/${tests}/${name}`;
const its = (name = '') => `${second.directory}/${tests}/${name}`;

function mount(options: readonly string[] = []): Promise<MountProcess> {
  return workspace.startMount({ source: `dafs:${server.name}`, driver: 'kernel', options });
}

const agent = (): FileCalls => new FileAgent(workspace.environment).files;

/** Two mounts with these options for all tests of a group. */
function useTwoMounts(options: readonly string[] = []): void {
  beforeAll(async () => {
    workspace = Workspace.create();
    server = await workspace.startServer();
    [first, second] = await Promise.all([mount(options), mount(options)]);
    here = agent();
    there = agent();
  }, LIMIT_MS);
  beforeEach(async () => {
    tests += 1;
    await here.mkdir(mine());
  });
  afterAll(() => workspace.dispose(), LIMIT_MS);
}

/** Waits until `look` returns what is expected; shows the difference when it does not. */
async function follows<Seen>(expected: Seen, look: () => Promise<Seen>): Promise<void> {
  let seen: Seen | undefined;
  const isSeen = async () => {
    seen = await look();
    return JSON.stringify(seen) === JSON.stringify(expected);
  };
  await until('the other mount follows', SEEN_LIMIT_MS, isSeen).catch(() => {
    expect(seen).toEqual(expected);
  });
}

describe.skipIf(obstacle !== undefined)('what one mount does', { timeout: LIMIT_MS }, () => {
  useTwoMounts();

  it('shows in a file that the other keeps open: data, size and mode', async () => {
    await here.writeFile(mine('f'), 'one'.padEnd(10_000, '.'));
    const fd = await there.open(its('f'), 'r');
    expect(await there.read(fd, 0, 3)).toBe('one');

    const writer = await here.open(mine('f'), 'r+');
    await here.write(writer, 0, 'two');
    await follows('two', () => there.read(fd, 0, 3));
    await here.write(writer, 20_000, 'end');
    await follows('end', () => there.read(fd, 20_000, 100));
    expect((await there.fstat(fd)).size).toBe(20_003);
    await here.ftruncate(writer, 5000);
    await follows(5000, async () => (await there.fstat(fd)).size);
    await follows('', () => there.read(fd, 6000, 10));
    await here.chmod(mine('f'), 0o640);
    await follows(0o640, async () => (await there.fstat(fd)).mode);
    await here.unlink(mine('f'));
    await follows(0, async () => (await there.fstat(fd)).nlink);
    expect(await there.read(fd, 0, 3)).toBe('two');
  });

  it('shows in what is opened or looked up afterwards, at once', async () => {
    for (let round = 0; round < 50; round += 1) {
      const text = `round ${round}`.padEnd(5000 + round, '.');
      await here.writeFile(mine('f'), text);
      expect(await there.readFile(its('f'))).toBe(text);
      // The same size and, by the other side, another content: only a change attribute tells.
      const other = text.replace('round', 'ROUND');
      await there.writeFile(its('f'), other);
      expect(await here.readFile(mine('f'))).toBe(other);
      await here.truncate(mine('f'), 10);
      expect(await there.readFile(its('f'))).toBe(other.slice(0, 10));
      expect((await there.stat(its('f')))?.size).toBe(10);
      await here.chmod(mine('f'), 0o600 + round);
      expect((await there.stat(its('f')))?.mode).toBe(0o600 + round);
    }
  });

  it('shows in names at once, also in those that were not there', async () => {
    for (let round = 0; round < 25; round += 1) {
      const name = `name ${round}`;
      expect(await there.stat(its(name))).toBeNull();
      await here.writeFile(mine(name), name);
      expect(await there.readFile(its(name))).toBe(name);
      await here.rename(mine(name), mine('renamed'));
      expect(await there.stat(its(name))).toBeNull();
      expect(await there.readFile(its('renamed'))).toBe(name);
      await here.link(mine('renamed'), mine('linked'));
      expect((await there.stat(its('renamed')))?.nlink).toBe(2);
      await here.unlink(mine('renamed'));
      expect(await there.list(its())).toEqual(['linked']);
      // Another file takes over the name, as editors save.
      await here.writeFile(mine('saved'), `saved ${round}`);
      await here.rename(mine('saved'), mine('linked'));
      expect(await there.readFile(its('linked'))).toBe(`saved ${round}`);
      await here.mkdir(mine('d'));
      await there.writeFile(its('d/inner'), 'x');
      expect(await here.list(mine('d'))).toEqual(['inner']);
      await here.unlink(mine('d/inner'));
      await there.rmdir(its('d'));
      expect(await here.stat(mine('d'))).toBeNull();
      await here.unlink(mine('linked'));
    }
  });

  it('never shows a file longer than its data', async () => {
    // A file that grows, followed by a reader that keeps it open: what it reads is what was written,
    // and no zeros from the end of a page that it had before.
    const writer = await here.open(mine('log'), 'w');
    const reader = await there.open(its('log'), 'r');
    let written = '';
    for (let line = 0; line < 300; line += 1) {
      const text = `line ${line}\n`;
      await here.write(writer, written.length, text);
      written += text;
      // Another process looks at the file, so that the kernel learns the new size early.
      await there.stat(its('log'));
      const read = await there.read(reader, 0, 65_536);
      expect(written.startsWith(read)).toBe(true);
    }
    await follows(written, () => there.read(reader, 0, 65_536));
  });

  it('shows in mapped files after a moment', async () => {
    await here.writeFile(mine('f'), '.'.repeat(8192));
    const fd = await here.open(mine('f'), 'r+');
    const myMap = await here.map(fd, 8192);
    const itsMap = await there.map(await there.open(its('f'), 'r+'), 8192);
    expect(await here.peek(myMap, 0, 4)).toBe('....');
    expect(await there.peek(itsMap, 0, 4)).toBe('....');
    // Within one mount mapping and file are the same memory.
    await here.write(fd, 0, 'file');
    expect(await here.peek(myMap, 0, 4)).toBe('file');
    await follows('file', () => there.peek(itsMap, 0, 4));
    await here.poke(myMap, 4096, 'page');
    expect(await here.read(fd, 4096, 4)).toBe('page');
    await here.fsync(fd);
    await follows('page', () => there.peek(itsMap, 4096, 4));
    expect(await there.readFile(its('f'))).toBe(await here.readFile(mine('f')));
  });

  it('is followed by a mount that was stopped for a while, and holds up nobody else', async () => {
    await here.writeFile(mine('f'), 'before');
    const fd = await there.open(its('f'), 'r');
    expect(await there.read(fd, 0, 100)).toBe('before');
    const { pid = 0 } = second.child;
    process.kill(pid, 'SIGSTOP');
    try {
      for (let count = 0; count < 100; count += 1) {
        await here.writeFile(mine(`made ${count}`), 'x');
      }
      await here.writeFile(mine('f'), 'after');
      expect(await here.readFile(mine('f'))).toBe('after');
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    expect(await there.list(its())).toHaveLength(101);
    await follows('after', () => there.read(fd, 0, 100));
    expect(await there.readFile(its('f'))).toBe('after');
  });

  it('is followed also when it was too much to be told', async () => {
    // With another file system in it the mount cannot have the kernel forget all names at once.
    await there.mkdir(its('nested'));
    if (isRoot()) await workspace.succeed('mount', ['-t', 'tmpfs', 'nested', its('nested')]);
    await here.writeFile(mine('open'), 'before');
    await here.writeFile(mine('closed'), 'before');
    await here.writeFile(mine('another'), '');
    const fd = await there.open(its('open'), 'r');
    expect(await there.read(fd, 0, 100)).toBe('before');
    expect(await there.readFile(its('closed'))).toBe('before');
    // A worker tells the server that a file is closed together with its next request.
    for (let count = 0; count < 20; count += 1) {
      await there.stat(its('another'));
    }
    const { pid = 0 } = second.child;
    process.kill(pid, 'SIGSTOP');
    try {
      // Two messages are on their way at most: what follows is remembered, and then no longer.
      for (let count = 0; count < 10; count += 1) {
        await here.chmod(mine('another'), 0o600 + count);
      }
      await here.writeFile(mine('open'), 'after!');
      await here.writeFile(mine('closed'), 'after!');
      await here.makeFiles(mine(), MORE_THAN_REMEMBERED);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    await follows('after!', () => there.read(fd, 0, 100));
    expect(await there.readFile(its('closed'))).toBe('after!');
    expect(await there.list(its())).toHaveLength(MORE_THAN_REMEMBERED + 4);
    // From then on the cache holds again, and is right.
    expect(await there.readFile(its('closed'))).toBe('after!');
    await here.writeFile(mine('closed'), 'later!');
    expect(await there.readFile(its('closed'))).toBe('later!');
    if (isRoot()) await workspace.succeed('umount', [its('nested')]);
  });
});

describe.skipIf(obstacle !== undefined)(
  'names that the kernel may believe by the user’s wish',
  { timeout: LIMIT_MS },
  () => {
    useTwoMounts(['entry_timeout=600', 'negative_timeout=600', 'attr_timeout=600']);

    it('follow the other mount all the same', async () => {
      expect(await there.stat(its('f'))).toBeNull();
      await here.writeFile(mine('f'), 'one');
      await follows('one', async () => ((await there.stat(its('f'))) ? 'one' : ''));
      expect(await there.readFile(its('f'))).toBe('one');
      await here.writeFile(mine('f'), 'another');
      expect(await there.readFile(its('f'))).toBe('another');
      await here.chmod(mine('f'), 0o611);
      await follows(0o611, async () => (await there.stat(its('f')))?.mode);
      await here.rename(mine('f'), mine('g'));
      await follows(null, () => there.stat(its('f')));
      await follows(true, async () => (await there.stat(its('g'))) !== null);
      await here.mkdir(mine('d'));
      await follows(true, async () => (await there.stat(its('d'))) !== null);
      await here.rename(mine('g'), mine('d/g'));
      await follows(null, () => there.stat(its('g')));
      expect(await there.readFile(its('d/g'))).toBe('another');
      await here.unlink(mine('d/g'));
      await follows(null, () => there.stat(its('d/g')));
      await here.rmdir(mine('d'));
      await follows(null, () => there.stat(its('d')));
    });
  },
);

describe.skipIf(obstacle !== undefined)('a mount that was alone', { timeout: LIMIT_MS }, () => {
  beforeAll(async () => {
    tests += 1;
    workspace = Workspace.create();
    server = await workspace.startServer();
    first = await mount();
    here = agent();
    there = agent();
    await here.mkdir(mine());
  }, LIMIT_MS);
  afterAll(() => workspace.dispose(), LIMIT_MS);

  it('believes nothing any more when another one comes, and again when that has died', async () => {
    await here.writeFile(mine('f'), 'alone');
    const fd = await here.open(mine('f'), 'r');
    expect(await here.read(fd, 0, 100)).toBe('alone');
    expect(await here.stat(mine('new'))).toBeNull();
    expect(await here.list(mine())).toEqual(['f']);

    second = await mount();
    await there.writeFile(its('new'), 'made');
    await there.writeFile(its('f'), 'other');
    expect(await here.readFile(mine('new'))).toBe('made');
    expect(await here.list(mine())).toEqual(['f', 'new']);
    expect(await here.readFile(mine('f'))).toBe('other');
    await follows('other', () => here.read(fd, 0, 100));

    await there.writeFile(its('unseen'), 'made');
    await second.kill();
    await workspace.run('umount', ['-l', second.directory]);
    await here.writeFile(mine('f'), 'alone again');
    expect(await here.readFile(mine('unseen'))).toBe('made');
    expect(await here.read(fd, 0, 100)).toBe('alone again');
    expect(await here.stat(mine('third'))).toBeNull();

    second = await mount();
    there = agent();
    await there.writeFile(its('third'), 'x');
    expect(await here.readFile(mine('third'))).toBe('x');
    expect(await there.readFile(its('f'))).toBe('alone again');
  });
});

describe.skipIf(obstacle !== undefined)('when it is killed,', { timeout: LIMIT_MS }, () => {
  useTwoMounts();

  it('a mount leaves nobody hanging, also while its kernel is made to forget', async () => {
    await here.writeFile(mine('f'), '.'.repeat(4 << 20));
    let isOver = false;
    const fd = await here.open(mine('f'), 'r+');
    const writing = (async () => {
      for (let page = 0; !isOver; page = (page + 7) % 1024) {
        await here.write(fd, page * 4096, 'x'.repeat(4096));
      }
    })();
    for (let round = 0; round < 3; round += 1) {
      const third = await mount();
      const path = `${third.directory}/${tests}/f`;
      const read = 'while dd if="$0" of=/dev/null bs=64k 2>&1; do :; done';
      const readers = Array.from({ length: 4 }, () =>
        workspace.run('sh', ['-c', read, path], { limitMs: SEEN_LIMIT_MS }),
      );
      await pause(500);
      await third.kill();
      for (const { timedOut } of await Promise.all(readers)) {
        expect(timedOut).toBe(false);
      }
      await workspace.run('umount', ['-l', third.directory]);
    }
    isOver = true;
    await writing;
  });

  it('a messenger leaves a mount that believes nothing any more', async () => {
    await here.writeFile(mine('f'), 'before');
    const fd = await there.open(its('f'), 'r');
    expect(await there.read(fd, 0, 100)).toBe('before');
    const messengers = workspace.processes().filter((pid) => {
      const commandLine = readFileSync(`/proc/${pid}/cmdline`, 'latin1');
      return commandLine.includes('messenger-main') && parentOf(pid) === second.child.pid;
    });
    expect(messengers).toHaveLength(1);
    process.kill(messengers[0] as number, 'SIGKILL');
    for (let round = 0; round < 20; round += 1) {
      await here.writeFile(mine('f'), `round ${round}`);
      expect(await there.readFile(its('f'))).toBe(`round ${round}`);
      await here.writeFile(mine(`made ${round}`), 'x');
      expect((await there.stat(its(`made ${round}`)))?.size).toBe(1);
    }
  });
});

function parentOf(pid: number): number {
  const afterName = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1] ?? '';
  return Number(afterName.split(' ')[1]);
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
