/**
 * The guest's files, as the archive that its kernel unpacks into memory: Debian's packages, the
 * modules that are used, and this project with the Node that runs this.
 */
import { type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { succeed } from '../../support/run.ts';
import type { Workspace } from '../../support/workspace.ts';
import type { Packages } from './packages.ts';
import type { PlanOptions } from './plan.ts';

const project = fileURLToPath(new URL('../../..', import.meta.url));

/** Where the project is in the guest. */
const PROJECT = 'dafs';

/** Modules of the kernel, besides what they need; soft RoCE asks for its checksum by another name. */
const MODULES = [
  ...['nfsd', 'nfsv4', 'brd', 'ext4'],
  ...['dummy', 'rdma_rxe', 'rpcrdma', 'rdma_cm', 'crc32_generic', 'crc32_pclmul'],
];

/** Of the packages, what only the emulator needs, or a compiler that does more than ours. */
const LEFT_OUT = [
  /^(boot|usr\/lib\/modules|usr\/share\/(qemu|seabios))(\/|$)/,
  /^usr\/share\/doc\/(?!libfuse3-dev)/,
  /^usr\/bin\/(qemu|python|.*lto-dump)/,
  /\/(lto1|lib([atl]|hwa)san[._a-z].*|libubsan.*)$/,
  /^usr\/lib\/(systemd|udev|firmware)(\/|$)/,
];

const isLeftOut = (path: string): boolean => LEFT_OUT.some((pattern) => pattern.test(path));

/** A folder and all below it, relative to `from`, folders before what is in them; links are not followed. */
function filesBelow(folder: string, from: string): string[] {
  const below = readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesBelow(path, from) : [relative(from, path)];
  });
  return [relative(from, folder), ...below];
}

async function moduleFiles({ folder, kernel, command }: Packages): Promise<string[]> {
  const options = ['-d', folder, '-S', kernel, '--show-depends', '-a'];
  const [program, args] = command('usr/sbin/modprobe', [...options, ...MODULES]);
  const lines = (await succeed(program, args)).split('\n');
  const paths = lines.map((line) => /^insmod (\S+)/.exec(line)?.[1]);
  const inside = paths.filter((path) => path !== undefined).map((path) => relative(folder, path));
  const top = `usr/lib/modules/${kernel}`;
  const indices = readdirSync(join(folder, top)).filter((name) => name.startsWith('modules.'));
  const files = new Set([...inside, ...indices.map((name) => `${top}/${name}`)]);
  const folders = new Set([...files].flatMap(foldersOf));
  return [...[...folders].sort(), ...files];
}

/** The folders that a path goes through. */
function foldersOf(path: string): string[] {
  const parts = dirname(path).split('/');
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
}

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** The packages of npm that a package needs, as they are installed. */
function npmPackages(manifest: Manifest, found = new Set<string>()): Set<string> {
  for (const name of Object.keys(manifest.dependencies ?? {})) {
    const file = join(project, 'node_modules', name, 'package.json');
    if (found.has(name) || !existsSync(file)) continue;
    found.add(name);
    const { dependencies, optionalDependencies } = JSON.parse(readFileSync(file, 'utf8'));
    npmPackages({ dependencies: { ...dependencies, ...optionalDependencies } }, found);
  }
  return found;
}

/** C sources that were compiled elsewhere, and programs for other machines. */
const NPM_LEFT_OUT =
  /node_modules\/(better-sqlite3\/(deps|src)(\/|$)|.*\/prebuilds\/(?!linux-x64))/;

/** The names of the project's files in the guest. */
function projectFiles(): string[] {
  const manifest = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8')) as Manifest;
  const modules = [...npmPackages(manifest)].map((name) => `node_modules/${name}`);
  const folders = ['nic', 'client', 'server', 'mount', 'test/benchmark', 'test/support'];
  const files = [...folders, ...modules].flatMap((name) =>
    filesBelow(join(project, name), project),
  );
  const all = ['package.json', ...files].filter((name) => !NPM_LEFT_OUT.test(name));
  const through = new Set(all.flatMap(foldersOf).filter((name) => name !== '.'));
  const names = [...new Set([...[...through].sort(), ...all])];
  return [PROJECT, ...names.map((name) => join(PROJECT, name))];
}

/** A folder that shows, by links, where in the guest the project, Node and the options shall be. */
function arrange(workspace: Workspace, options: PlanOptions): string {
  const folder = workspace.makeDirectory('arranged');
  mkdirSync(join(folder, 'usr/bin'), { recursive: true });
  symlinkSync(process.execPath, join(folder, 'usr/bin/node'));
  symlinkSync(project, join(folder, PROJECT));
  writeFileSync(join(folder, 'options.json'), JSON.stringify(options));
  copyFileSync(fileURLToPath(new URL('init.sh', import.meta.url)), join(folder, 'init'));
  return folder;
}

/** Appends files of a folder to an archive: cpio(5), of which the kernel unpacks one after another. */
async function append(
  archive: number,
  { folder }: Packages,
  from: string,
  names: readonly string[],
  options: SpawnOptions,
): Promise<void> {
  const words = ['cpio', '-o', '-H', 'newc', '-R', '0:0', ...(from === folder ? [] : ['-L'])];
  const busybox = join(folder, 'usr/bin/busybox');
  const stdio = ['pipe', archive, 'ignore'] as const;
  const child = spawn(busybox, words, { ...options, cwd: from, stdio: [...stdio] });
  child.stdin?.end(`${names.join('\n')}\n`);
  const [status] = await once(child, 'close');
  if (status !== 0) throw new Error(`cpio of ${from} ended with ${status}`);
}

/** Writes the archive into the workspace. @returns its path */
export async function makeImage(
  packages: Packages,
  workspace: Workspace,
  options: PlanOptions,
): Promise<string> {
  const path = workspace.path('image');
  const archive = openSync(path, 'w');
  const environment = { env: workspace.environment };
  const { folder } = packages;
  try {
    const names = filesBelow(folder, folder).filter((name) => name !== '' && !isLeftOut(name));
    await append(archive, packages, folder, names, environment);
    await append(archive, packages, folder, await moduleFiles(packages), environment);
    const arranged = arrange(workspace, options);
    const others = ['init', 'options.json', 'usr/bin/node', ...projectFiles()];
    await append(archive, packages, arranged, others, environment);
  } finally {
    closeSync(archive);
  }
  return path;
}
