/**
 * Debian's packages for the guest and for the emulator, unpacked into a folder and never installed:
 * nothing of this machine changes, and no privilege is needed. They are kept for later runs.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { succeed } from '../../support/run.ts';
import type { Workspace } from '../../support/workspace.ts';

/** The release of which all packages are, whatever this machine has. */
const RELEASE = 'trixie';

const PACKAGES = [
  // The emulator.
  'qemu-system-x86',
  // The guest: its kernel, its shell and tools.
  ...['linux-image-amd64', 'base-files', 'bash', 'busybox-static', 'coreutils', 'tar', 'kmod'],
  ...['mount', 'util-linux', 'iproute2', 'e2fsprogs'],
  // What is compared, and what asks for it.
  ...['nfs-kernel-server', 'nfs-common', 'fuse3', 'libfuse3-dev', 'fio'],
  // libfuse's example is there as a source.
  ...['gcc', 'libc6-dev'],
];

/** What no guest looks at: of 1.1 GB a third. */
const LEFT_OUT = [
  ...['./usr/share/man', './usr/share/locale', './usr/share/zoneinfo', './usr/share/perl'],
  ...['./usr/lib/python3*', './usr/lib/x86_64-linux-gnu/perl', './usr/lib/x86_64-linux-gnu/gconv'],
];

/** What is there once the packages have been unpacked. */
export interface Packages {
  readonly folder: string;
  /** The version of the kernel, as its files are named. */
  readonly kernel: string;
  /** The command line of a program of theirs: their own loader and libraries run it on any Linux. */
  command(program: string, args: readonly string[]): [program: string, args: string[]];
}

function openPackages(folder: string): Packages {
  const kernel = readdirSync(join(folder, 'usr/lib/modules')).at(0) as string;
  const loader = join(folder, 'usr/lib64/ld-linux-x86-64.so.2');
  const libraries = join(folder, 'usr/lib/x86_64-linux-gnu');
  return {
    folder,
    kernel,
    command: (program, args) => [
      loader,
      ['--library-path', libraries, '--argv0', program, join(folder, program), ...args],
    ],
  };
}

/** Where the machine itself has Debian's packages from. */
async function findMirror(): Promise<string> {
  const format = ['--format', '$(SITE)', 'Created-By: Packages', 'Label: Debian'];
  const mirror = (await succeed('apt-get', ['indextargets', ...format])).split('\n')[0];
  if (!mirror) throw new Error("apt-get knows no source of Debian's packages");
  return mirror;
}

/** Files of its own for apt, for which nothing is installed yet: it fetches all that is needed. */
async function configureApt(folder: string): Promise<string> {
  const apt = join(folder, 'apt');
  for (const name of ['state/lists/partial', 'cache/archives/partial', 'preferences.d']) {
    mkdirSync(join(apt, name), { recursive: true });
  }
  writeFileSync(join(apt, 'status'), '');
  const keys = '/usr/share/keyrings/debian-archive-keyring.gpg';
  const source = `deb [arch=amd64 signed-by=${keys}] ${await findMirror()} ${RELEASE} main\n`;
  writeFileSync(join(apt, 'sources.list'), source);
  const settings = {
    'Dir::State': join(apt, 'state'),
    'Dir::State::status': join(apt, 'status'),
    'Dir::Cache': join(apt, 'cache'),
    'Dir::Etc::sourcelist': join(apt, 'sources.list'),
    'Dir::Etc::sourceparts': '-',
    'Dir::Etc::preferencesparts': join(apt, 'preferences.d'),
    'APT::Architecture': 'amd64',
    'APT::Sandbox::User': '',
    'APT::Install-Recommends': 'false',
    'Acquire::Languages': 'none',
  };
  const file = join(apt, 'apt.conf');
  const lines = Object.entries(settings).map(([name, value]) => `${name} "${value}";\n`);
  writeFileSync(file, lines.join(''));
  return file;
}

const DOWNLOAD_LIMIT_MS = 20 * 60_000;

async function download(folder: string, workspace: Workspace): Promise<string> {
  const environment = { ...workspace.environment, APT_CONFIG: await configureApt(folder) };
  const limits = { environment, limitMs: DOWNLOAD_LIMIT_MS };
  await succeed('apt-get', ['update', '-qq'], limits);
  const only = ['install', '--download-only', '--yes', '-qq'];
  await succeed('apt-get', [...only, ...PACKAGES], limits);
  return join(folder, 'apt/cache/archives');
}

const UNPACK =
  'dpkg-deb --fsys-tarfile "$0" | tar -x --keep-directory-symlink --no-same-owner "$@"';

async function unpack(archives: string, folder: string, workspace: Workspace): Promise<void> {
  const leftOut = LEFT_OUT.map((pattern) => `--exclude=${pattern}`);
  const files = readdirSync(archives).filter((name) => name.endsWith('.deb'));
  // base-files makes the links /bin, /lib and /lib64, which the others go through.
  const first = files.filter((name) => name.startsWith('base-files_'));
  for (const file of [...first, ...files.filter((name) => !first.includes(name))]) {
    const args = ['-c', UNPACK, join(archives, file), '-C', folder, ...leftOut];
    await succeed('sh', args, { environment: workspace.environment });
  }
}

/** Tells which module needs which; takes so long because all are compressed. */
async function indexModules({ folder, kernel, command }: Packages): Promise<void> {
  const [program, args] = command('usr/sbin/depmod', ['-b', folder, kernel]);
  await succeed(program, args, { limitMs: DOWNLOAD_LIMIT_MS });
}

/** The folder of all runs of this user: its removal costs a download, and nothing else. */
function cacheFolder(): string {
  return join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'dafs', 'guest');
}

/**
 * The packages, fetched and unpacked unless an earlier run has. The folder gets its name when it is
 * complete; what an interrupted run has left is removed by the next.
 */
export async function preparePackages(workspace: Workspace): Promise<Packages> {
  const list = createHash('sha256').update(JSON.stringify([RELEASE, PACKAGES, LEFT_OUT]));
  const folder = join(cacheFolder(), list.digest('hex').slice(0, 12));
  if (!existsSync(folder)) {
    rmSync(cacheFolder(), { recursive: true, force: true });
    const partial = `${folder}.partial`;
    mkdirSync(partial, { recursive: true });
    await unpack(await download(cacheFolder(), workspace), partial, workspace);
    await indexModules(openPackages(partial));
    rmSync(join(cacheFolder(), 'apt'), { recursive: true });
    renameSync(partial, folder);
  }
  return openPackages(folder);
}
