/**
 * Makes so many files, looks at each by name, looks at each as `ls -l` does, and removes them, one
 * after the other. Prints how long each phase took.
 *
 * Arguments: DIRECTORY FILES. As root, what the kernel remembers of names and attributes is dropped
 * before they are looked at, so that the file system is asked.
 */
import * as fs from 'node:fs';

/** The seconds that each phase took. */
export interface MetadataSeconds {
  readonly create: number;
  readonly stat: number;
  readonly readdir: number;
  readonly unlink: number;
}

/** Names and inodes, not pages: proc_sys_vm(5). */
const DROP_NAMES = '2';

const [directory = '', count = ''] = process.argv.slice(2);
const paths = Array.from({ length: Number(count) }, (_, index) => `${directory}/file ${index}`);
const content = Buffer.alloc(1024, 'x');

function timed(run: () => void): number {
  const started = performance.now();
  run();
  return (performance.now() - started) / 1000;
}

function dropNames(): void {
  if (process.getuid?.() === 0) fs.writeFileSync('/proc/sys/vm/drop_caches', DROP_NAMES);
}

function create(): void {
  for (const path of paths) {
    const fd = fs.openSync(path, 'wx');
    fs.writeSync(fd, content);
    fs.closeSync(fd);
  }
}

function stat(): void {
  for (const path of paths) fs.lstatSync(path);
}

function readdir(): void {
  const entries = fs.opendirSync(directory, { bufferSize: 256 });
  let seen = 0;
  for (let entry = entries.readSync(); entry !== null; entry = entries.readSync()) {
    fs.lstatSync(`${directory}/${entry.name}`);
    seen++;
  }
  entries.closeSync();
  if (seen !== paths.length) throw new Error(`${seen} names of ${paths.length} files`);
}

function unlink(): void {
  for (const path of paths) fs.unlinkSync(path);
}

fs.mkdirSync(directory);
const createSeconds = timed(create);
dropNames();
const statSeconds = timed(stat);
dropNames();
const readdirSeconds = timed(readdir);
const seconds: MetadataSeconds = {
  create: createSeconds,
  stat: statSeconds,
  readdir: readdirSeconds,
  unlink: timed(unlink),
};
fs.rmdirSync(directory);
process.stdout.write(JSON.stringify(seconds));
