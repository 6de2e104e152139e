/** The file systems that are compared in the guest, and how each is made there. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { run, succeed, until } from '../../support/run.ts';

/** Where the files really are, and when a change of them must be stable. */
export interface Setting {
  readonly backing: 'memory' | 'ext4';
  readonly durability: 'sync' | 'async';
}

export type PlaceName = 'dafs' | 'nfs tcp' | 'nfs rdma' | 'passthrough' | 'local';

export interface Place {
  readonly directory: string;
  close(): Promise<void>;
}

interface PlaceMaker {
  /** By the guest's clock, about. */
  readonly openingSeconds: number;
  /** How long its jobs take, beside those of the others. */
  readonly slowness: number;
  /** Rounds that do not count. */
  readonly warmingRounds: number;
  open(setting: Setting): Promise<Place>;
}

const MOUNT_POINT = '/mnt/place';
const LIMIT_MS = 120_000;

const backingFolder = ({ backing }: Setting): string => `/srv/${backing}`;

/** An empty folder where the files of a place really are. */
function emptyFolder(setting: Setting): string {
  const folder = `${backingFolder(setting)}/files`;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  return folder;
}

const unmount = (): Promise<string> => succeed('umount', [MOUNT_POINT], { limitMs: LIMIT_MS });

/** Reads and writes of 1 MiB: the kernel's server would grant half of that with this memory. */
const NFS_OPTIONS = 'vers=4.2,rsize=1048576,wsize=1048576';

/** An address of its own for soft RoCE, which needs an interface that is not the loopback. */
const RDMA_ADDRESS = '10.0.0.1';

const nfs =
  (address: string, transport: string) =>
  async (setting: Setting): Promise<Place> => {
    const folder = emptyFolder(setting);
    const options = `rw,${setting.durability},no_subtree_check,no_root_squash,fsid=1`;
    await succeed('exportfs', ['-i', '-o', options, `*:${folder}`]);
    const mountOptions = `${NFS_OPTIONS},${transport}`;
    const source = `${address}:${folder}`;
    await succeed('mount', ['-t', 'nfs4', '-o', mountOptions, source, MOUNT_POINT]);
    await requireMountOption('rsize=1048576');
    await requireMountOption(transport.split(',')[0] as string);
    return {
      directory: MOUNT_POINT,
      close: async () => {
        await unmount();
        await succeed('exportfs', ['-u', `*:${folder}`]);
        await succeed('exportfs', ['-f']);
      },
    };
  };

/** A client that knows a server already would go on by the transport that it knows it by. */
async function requireMountOption(option: string): Promise<void> {
  const options = await succeed('findmnt', ['-n', '-o', 'OPTIONS', MOUNT_POINT]);
  if (!options.split(/[,\s]/).includes(option)) throw new Error(`not ${option}, but ${options}`);
}

async function openPassthrough(setting: Setting): Promise<Place> {
  const source = `source=${emptyFolder(setting)}`;
  const child = spawn('/usr/local/bin/passthrough_ll', ['-f', '-o', source, MOUNT_POINT]);
  await untilMounted(child);
  return {
    directory: MOUNT_POINT,
    close: async () => {
      const exited = once(child, 'exit');
      await unmount();
      await exited;
    },
  };
}

const isMounted = async (): Promise<boolean> =>
  (await run('mountpoint', ['-q', MOUNT_POINT])).status === 0;

async function untilMounted(child: ChildProcess): Promise<void> {
  await until('it is mounted', LIMIT_MS, async () => {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`);
    return isMounted();
  });
}

const DAFS = '/dafs/mount/dafs.cjs';

async function openDafs(setting: Setting): Promise<Place> {
  const database = `${emptyFolder(setting)}/files.sqlite`;
  const options = setting.durability === 'sync' ? ['-o', 'sync'] : [];
  const limits = { limitMs: LIMIT_MS };
  await succeed('node', [DAFS, 'mount', database, MOUNT_POINT, ...options], limits);
  return {
    directory: MOUNT_POINT,
    close: async () => {
      await succeed('node', [DAFS, 'umount', MOUNT_POINT], limits);
    },
  };
}

/** How each is made. */
export const placeTable: Readonly<Record<PlaceName, PlaceMaker>> = {
  /** This project's mount, with its defaults; its database is on the backing file system. */
  // Rounds until V8 has compiled what serves it.
  dafs: { openingSeconds: 5, slowness: 1.5, warmingRounds: 5, open: openDafs },
  /** The kernel's server exports the backing file system, and the kernel's client mounts that. */
  'nfs tcp': {
    openingSeconds: 0.5,
    slowness: 1,
    warmingRounds: 1,
    open: nfs('127.0.0.1', 'proto=tcp'),
  },
  'nfs rdma': {
    openingSeconds: 0.5,
    slowness: 1,
    warmingRounds: 1,
    open: nfs(RDMA_ADDRESS, 'proto=rdma,port=20049'),
  },
  /** libfuse's example in C, over the backing file system. */
  passthrough: { openingSeconds: 0.2, slowness: 0.5, warmingRounds: 1, open: openPassthrough },
  /** The backing file system itself: what the jobs alone cost. */
  local: {
    openingSeconds: 0.1,
    slowness: 0.2,
    warmingRounds: 1,
    open: async (setting) => ({ directory: emptyFolder(setting), close: async () => undefined }),
  },
};

const EXT4_BYTES = 1 << 30;

/** The export has a loopback device's worth of threads; one processor needs no more. */
const NFSD_THREADS = '8';

async function startNfsServer(): Promise<void> {
  await succeed('mount', ['-t', 'nfsd', 'nfsd', '/proc/fs/nfsd']);
  mkdirSync('/run/rpc_pipefs', { recursive: true });
  await succeed('mount', ['-t', 'rpc_pipefs', 'rpc_pipefs', '/run/rpc_pipefs']);
  // Tables that are there where the package was installed.
  for (const file of ['/etc/exports', '/var/lib/nfs/etab', '/var/lib/nfs/rmtab']) {
    writeFileSync(file, '');
  }
  writeFileSync('/proc/fs/nfsd/max_block_size', String(1 << 20));
  await succeed('rpc.mountd', ['-N', '3']);
  await succeed('rpc.nfsd', ['-N', '3', NFSD_THREADS]);
  writeFileSync('/proc/fs/nfsd/portlist', 'rdma 20049');
  // No client of an earlier life will come back.
  writeFileSync('/proc/fs/nfsd/v4_end_grace', 'Y');
}

async function startSoftRoce(): Promise<void> {
  await succeed('modprobe', ['dummy', 'numdummies=1']);
  await succeed('modprobe', ['-a', 'rdma_rxe', 'rpcrdma', 'rdma_cm']);
  await succeed('ip', ['address', 'add', `${RDMA_ADDRESS}/24`, 'dev', 'dummy0']);
  await succeed('ip', ['link', 'set', 'dummy0', 'up']);
  await succeed('rdma', ['link', 'add', 'rxe0', 'type', 'rxe', 'netdev', 'dummy0']);
}

const EXAMPLES = '/usr/share/doc/libfuse3-dev/examples';

/**
 * Compiles libfuse's example. O_DIRECT is not passed on to the file behind it: NFS's server reads that
 * through its page cache too.
 */
async function compilePassthrough(): Promise<void> {
  const change = 's/fi->flags & ~O_NOFOLLOW/fi->flags \\& ~(O_NOFOLLOW | O_DIRECT)/';
  const source = await succeed('sed', [change, `${EXAMPLES}/passthrough_ll.c`]);
  if (!source.includes('~(O_NOFOLLOW | O_DIRECT)')) throw new Error('the example has changed');
  const flags = ['-O2', '-x', 'c', '-', `-I${EXAMPLES}`, '-I/usr/include/fuse3'];
  const output = ['-o', '/usr/local/bin/passthrough_ll', '-lfuse3', '-lpthread'];
  await succeed('gcc', [...flags, ...output], { input: source, limitMs: LIMIT_MS });
}

/** Makes what the places need: once, before the first. */
export async function preparePlaces(): Promise<void> {
  for (const folder of ['/srv/memory', '/srv/ext4', MOUNT_POINT, '/run/dafs']) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }
  process.env.XDG_RUNTIME_DIR = '/run/dafs';
  await succeed('mount', ['-t', 'tmpfs', 'tmpfs', '/srv/memory']);
  await succeed('modprobe', ['-a', 'nfsd', 'nfsv4', 'ext4']);
  await succeed('modprobe', ['brd', 'rd_nr=1', `rd_size=${EXT4_BYTES / 1024}`]);
  await succeed('mkfs.ext4', ['-q', '/dev/ram0'], { limitMs: LIMIT_MS });
  await succeed('mount', ['-t', 'ext4', '/dev/ram0', '/srv/ext4']);
  await startSoftRoce();
  await startNfsServer();
  await compilePassthrough();
}
