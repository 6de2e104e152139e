/**
 * A server on disks that are really full, or really fail: small file systems that only root can mount.
 * What was acknowledged stays, reading goes on, and whoever cannot have what he asked for is told so.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileClient, Session } from '../../../client/index.ts';
import { StableHow } from '../../../client/protocol/constants.ts';
import { queryServer } from '../../../mount/server-status.ts';
import { firstObstacle, isRoot, programObstacle } from '../../support/machine.ts';
import { succeed, until } from '../../support/run.ts';
import { type ServerProcess, Workspace } from '../../support/workspace.ts';

const MIB = 1 << 20;
const LIMIT = { timeout: 240_000 };

let workspace: Workspace;
let disk: string;
let server: ServerProcess;
let log: string;

beforeEach(() => {
  workspace = Workspace.create();
  disk = workspace.makeDirectory('disk');
  log = '';
});
afterEach(async () => {
  await workspace.dispose();
});

async function startServer(): Promise<void> {
  server = await workspace.startServer({ name: 'tested', database: `${disk}/files.sqlite` });
  server.child.stderr?.on('data', (text: string) => {
    log += text;
  });
}

/** A client that remembers what it was promised. */
class Writer {
  readonly files: FileClient;
  readonly promised = new Map<string, number>();
  readonly #session: Session;
  #made = 0;

  constructor() {
    this.#session = Session.connect(server.fabricSocket);
    this.files = new FileClient(this.#session);
  }

  /** Writes a file of a megabyte and has it on stable storage. */
  write(stability: StableHow = StableHow.FILE_SYNC): void {
    this.#made += 1;
    const name = `file ${this.#made}`;
    const creation = { mode: 'guarded', attributes: { mode: 0o600 } } as const;
    const file = this.files.open(this.files.root, Buffer.from(name), 'both', creation);
    try {
      this.files.write(file, 0, Buffer.alloc(MIB, this.#made), stability);
      this.promised.set(name, this.#made);
    } finally {
      this.files.close(file);
    }
  }

  /** Writes until that is refused. @returns the status */
  writeOn(): string {
    for (let count = 0; count < 100; count += 1) {
      const code = codeOf(() => this.write());
      if (code !== undefined) {
        return code;
      }
    }
    return 'nothing was refused';
  }

  remove(count: number): void {
    for (const name of [...this.promised.keys()].slice(0, count)) {
      this.files.unlink(this.files.root, Buffer.from(name));
      this.promised.delete(name);
    }
  }

  /** Reads all that was promised. */
  check(): void {
    const into = Buffer.alloc(MIB);
    for (const [name, value] of this.promised) {
      const file = this.files.open(this.files.root, Buffer.from(name), 'read');
      expect(this.files.read(file, 0, into), name).toBe(MIB);
      expect(into.equals(Buffer.alloc(MIB, value)), name).toBe(true);
      this.files.close(file);
    }
  }

  close(): void {
    this.#session.close();
  }
}

const codeOf = (action: () => unknown): string | undefined => {
  try {
    action();
    return undefined;
  } catch (error) {
    return (error as { code: string }).code;
  }
};

const readOnlyReason = async (): Promise<string | undefined> =>
  (await queryServer(server.fabricSocket.replace(/fabric$/, 'control')))?.store.readOnlyReason;

/** Opens what the server left, and finds all that `writer` was promised. */
async function expectAllThere(writer: Writer): Promise<void> {
  const { status, stdout, stderr } = await workspace.dafs(['fsck', server.database]);
  expect(stdout).not.toMatch(/damage/i);
  expect(status, stderr).toBe(0);
  await startServer();
  const again = new Writer();
  for (const [name, value] of writer.promised) {
    again.promised.set(name, value);
  }
  again.check();
  again.close();
  await server.stop();
}

const onlyRoot = isRoot() ? undefined : 'only root can mount a small file system';
const full = firstObstacle(onlyRoot);

describe.skipIf(full)(`a server whose disk is full${full ? `: ${full}` : ''}`, LIMIT, () => {
  beforeEach(async () => {
    await succeed('mount', ['-t', 'tmpfs', '-o', 'size=40m', 'none', disk]);
    await startServer();
  });

  it('refuses what it has no room for, and reads, removes and goes on', async () => {
    const writer = new Writer();
    expect(writer.writeOn()).toBe('DAFSERR_NOSPC');
    expect(writer.promised.size).toBeGreaterThan(8);
    const count = writer.promised.size;
    writer.check();
    for (let round = 0; round < 2; round += 1) {
      writer.remove(6);
      expect(writer.writeOn()).toBe('DAFSERR_NOSPC');
      expect(writer.promised.size).toBeGreaterThan(count - 4);
    }
    writer.check();
    expect(await readOnlyReason()).toBeUndefined();
    writer.close();
    await server.stop();
    await expectAllThere(writer);
  });

  it('keeps what it was given when others fill the disk, until there is room', async () => {
    const writer = new Writer();
    writer.write();
    const ballast = `${disk}/ballast`;
    spawnSync('dd', ['if=/dev/zero', `of=${ballast}`, 'bs=64k']);
    expect(writer.writeOn()).toBe('DAFSERR_NOSPC');
    writer.check();
    expect(await readOnlyReason()).toBeUndefined();
    rmSync(ballast);
    await until('there is room again', 30_000, () => codeOf(() => writer.write()) === undefined);
    writer.check();
    writer.close();
    await server.kill();
    await expectAllThere(writer);
  });
});

/** Containers may have no loop devices, wherever everything else is required. */
const loopObstacle = (): string | undefined => {
  const device = spawnSync('losetup', ['-f'], { encoding: 'utf8' }).stdout.trim();
  return existsSync(device) ? undefined : 'there is no loop device';
};

/** Whether a loop device has that file. */
const isInUse = (image: string): boolean =>
  spawnSync('losetup', ['-j', image], { encoding: 'utf8' }).stdout !== '';

const failing =
  firstObstacle(onlyRoot, programObstacle(['mkfs.ext4', 'losetup'])) ?? loopObstacle();

describe.skipIf(failing)(`a server whose disk fails${failing ? `: ${failing}` : ''}`, LIMIT, () => {
  let store: string;

  /**
   * An ext4 on a disk of 64 MB, of which only the first so many can be written. It keeps a journal:
   * without one the kernel tells nobody when it fails to write what describes a file.
   */
  beforeEach(async () => {
    store = workspace.makeDirectory('store');
    await succeed('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'none', store]);
    const image = `${store}/image`;
    writeFileSync(image, '');
    truncateSync(image, 64 * MIB);
    await succeed('mkfs.ext4', ['-q', '-J', 'size=1', '-m', '0', image]);
    await succeed('mount', ['-o', 'loop,errors=continue', image, disk]);
    await startServer();
  });

  it('is read-only from the first error on, says so, and reads', async () => {
    const writer = new Writer();
    expect(writer.writeOn()).toBe('DAFSERR_IO');
    expect(codeOf(() => writer.write())).toBe('DAFSERR_ROFS');
    expect(codeOf(() => writer.remove(1))).toBe('DAFSERR_ROFS');
    expect(writer.promised.size).toBeGreaterThan(3);
    writer.check();
    expect(await readOnlyReason()).toMatch(/EIO|I\/O/);
    writer.close();
    await server.kill();
    expect(log.match(/read-only/g)).toHaveLength(1);
    // The disk is mended: all that was acknowledged is there.
    await succeed('mount', ['-o', 'remount,size=80m', store]);
    await succeed('umount', [disk]);
    // A test that has just made a mount namespace holds the file system, which would be mounted as it is.
    await until('the loop device is given back', 30_000, () => !isInUse(`${store}/image`));
    await succeed('mount', ['-o', 'loop', `${store}/image`, disk]);
    await expectAllThere(writer);
  });
});
