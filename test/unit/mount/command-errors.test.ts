/** What the command says when it cannot do what it was asked: one line, and a status of 1. */

import { chmodSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isRoot } from '../../support/machine.ts';
import { inMountNamespace } from '../../support/mount-namespace.ts';
import { command, Workspace } from '../../support/workspace.ts';

let workspace: Workspace;
let empty: string;
let database: string;

beforeAll(() => {
  workspace = Workspace.create();
  empty = workspace.makeDirectory('empty');
  database = workspace.path('files.sqlite');
});

afterAll(() => workspace.dispose());

async function refusalOf(...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await workspace.dafs(args);
  expect(status, stderr).toBe(1);
  expect(stdout).toBe('');
  expect(stderr).toMatch(/^[^\n]+\n$/);
  return stderr.trim();
}

describe('dafs mount refuses', () => {
  it('a directory that is not there', async () => {
    const missing = workspace.path('missing');
    expect(await refusalOf('mount', database, missing)).toBe(
      `dafs: no such directory: ${missing} (it must exist: mkdir -p ${missing})`,
    );
  });

  it('a file in the place of a directory', async () => {
    const file = workspace.path('file');
    writeFileSync(file, '');
    expect(await refusalOf('mount', database, file)).toBe(`dafs: ${file} is not a directory`);
    expect(await refusalOf('mount', database, `${file}/below`)).toBe(
      `dafs: ${file}/below is not a directory`,
    );
  });

  it('a directory with something in it', async () => {
    const full = workspace.makeDirectory('full');
    writeFileSync(`${full}/file`, '');
    expect(await refusalOf('mount', database, full)).toBe(
      `dafs: ${full} is not empty; -o nonempty mounts over what is in it`,
    );
  });

  it('an option that it does not know', async () => {
    expect(await refusalOf('mount', database, empty, '-o', 'ro,alow_other')).toBe(
      'dafs: unknown mount option alow_other; did you mean allow_other?',
    );
  });

  it('an option for a server that it does not start', async () => {
    expect(await refusalOf('mount', 'dafs:nobody', empty, '-o', 'cache_size=64M')).toMatch(
      /^dafs: mount option cache_size is for a database;/,
    );
  });

  it('a driver that it does not know', async () => {
    expect(await refusalOf('mount', database, empty, '--driver', 'fuse-nativ')).toBe(
      'dafs: unknown driver fuse-nativ; did you mean fuse-native?',
    );
  });

  it('a server that does not run, naming those that do', async () => {
    expect(await refusalOf('mount', 'dafs:nobody', empty)).toBe(
      'dafs: no server called nobody; none is running',
    );
    const server = await workspace.startServer({ name: 'somebody' });
    expect(await refusalOf('mount', 'dafs:nobody', empty)).toBe(
      'dafs: no server called nobody; running: somebody',
    );
    await server.stop();
  });

  it('a name that no server can have', async () => {
    expect(await refusalOf('mount', 'dafs:../etc', empty)).toMatch(
      /^dafs: "\.\.\/etc" is no server name: /,
    );
  });

  it('a directory as the source, and a database in no directory', async () => {
    expect(await refusalOf('mount', empty, empty)).toBe(
      `dafs: ${empty} is a directory; the source is an SQLite file or dafs:NAME`,
    );
    const nowhere = workspace.path('nowhere/files.sqlite');
    expect(await refusalOf('mount', nowhere, empty)).toBe(
      `dafs: no such directory for the database files.sqlite: ${workspace.path('nowhere')}`,
    );
  });

  it("somebody else's file, and leaves it as it was", async () => {
    const letter = workspace.path('letter.txt');
    writeFileSync(letter, 'Dear Sir or Madam,\n'.repeat(100));
    expect(await refusalOf('mount', letter, empty)).toContain(letter);
    const { stdout } = await workspace.run('head', ['-1', letter]);
    expect(stdout).toBe('Dear Sir or Madam,\n');
  });

  it('a database that is served already', async () => {
    const server = await workspace.startServer({ database, name: 'files' });
    expect(await refusalOf('mount', database, empty)).toContain(database);
    await server.stop();
  });

  it('a directory that is a mount of ours', async () => {
    const mount = await workspace.startMount({ source: database, driver: 'kernel' });
    const { directory } = mount;
    const other = workspace.path('other.sqlite');
    expect(await refusalOf('mount', other, directory)).toBe(
      `dafs: ${directory} is already a mount of ${database}; dafs umount ${directory} ends it`,
    );
    await mount.unmount();
  });
});

describe.skipIf(!isRoot())('on a machine that does not let it, dafs mount says so when', () => {
  /** Runs `dafs mount` behind a preparation in a name space of its own, as root alone can make one. */
  const mountAfter = (preparation: string) => {
    const [program = '', ...through] = inMountNamespace(preparation);
    return workspace.run(program, [
      ...through,
      ...[process.execPath, command, 'mount', database, empty],
    ]);
  };

  it('/dev/fuse is missing', async () => {
    const { status, stderr } = await mountAfter(
      'cp -a /dev/null /dev/zero /dev/urandom "$XDG_RUNTIME_DIR"; mount -t tmpfs none /dev;' +
        'cp -a "$XDG_RUNTIME_DIR"/null "$XDG_RUNTIME_DIR"/zero "$XDG_RUNTIME_DIR"/urandom /dev;',
    );
    expect(stderr).toBe(
      "dafs: /dev/fuse is missing: load the kernel's FUSE (modprobe fuse), or give the container the device\n",
    );
    expect(status).toBe(1);
  });

  it('/dev/fuse is not for this user', async () => {
    chmodSync(empty, 0o777);
    const { status, stderr } = await mountAfter(
      'cp -a /dev/fuse "$XDG_RUNTIME_DIR"; chmod 600 "$XDG_RUNTIME_DIR/fuse";' +
        'mount --bind "$XDG_RUNTIME_DIR/fuse" /dev/fuse; export XDG_RUNTIME_DIR=;' +
        'set -- setpriv --reuid=65534 --regid=65534 --clear-groups "$@";',
    );
    expect(stderr).toBe(
      'dafs: no permission to open /dev/fuse: mount as root, or let users open it (chmod 666 /dev/fuse)\n',
    );
    expect(status).toBe(1);
  });
});

describe('dafs umount refuses', () => {
  it('what is no mount of ours', async () => {
    expect(await refusalOf('umount', empty)).toBe(`dafs: ${empty} is not a dafs mount`);
    expect(await refusalOf('umount', '/proc')).toBe('dafs: /proc is not a dafs mount');
  });

  it('a directory that is not there', async () => {
    const missing = workspace.path('missing');
    expect(await refusalOf('umount', missing)).toMatch(/^dafs: no such directory: /);
  });
});

describe('dafs serve refuses', () => {
  it('a size that is none', async () => {
    expect(await refusalOf('serve', database, '--cache', 'lots')).toBe(
      'dafs: --cache needs a size such as 256M, not "lots"',
    );
  });

  it('a name that is taken', async () => {
    const server = await workspace.startServer({ name: 'taken' });
    const other = workspace.path('taken-too.sqlite');
    expect(await refusalOf('serve', other, '--name', 'taken')).toContain('taken');
    await server.stop();
  });
});

describe('dafs', () => {
  it('names the command that was probably meant', async () => {
    const { status, stderr } = await workspace.dafs(['mont']);
    expect(status).toBe(1);
    expect(stderr).toContain("unknown command 'mont'");
    expect(stderr).toContain('Did you mean mount?');
  });

  it.each([[[]], [['mount']], [['status']]])('%j --help explains', async (args) => {
    const { status, stdout } = await workspace.dafs([...args, '--help']);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^Usage: dafs/);
  });

  it('status is short when there is nothing', async () => {
    const { stdout } = await workspace.dafs(['status']);
    expect(stdout.split('\n').slice(0, 2)).toEqual(['no servers', 'no sessions']);
  });
});
