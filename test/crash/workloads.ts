/**
 * Programs that change files on a mount without end, say what was acknowledged, and know afterwards
 * whether all of that is there. The programs are of the outside world: sh, git, sqlite3, fio, node.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { crc32 } from 'node:zlib';

/** What a workload finds when it looks for what was acknowledged. */
export interface Findings {
  /** Acknowledged, and not there. */
  readonly lost: number;
  /** There more often than once. */
  readonly doubled: number;
  /** Not what anybody wrote. */
  readonly damaged: readonly string[];
}

export interface Workload {
  readonly name: string;
  /** Programs that it needs beside sh and node. */
  readonly programs: readonly string[];
  /**
   * A line of sh that works in its own directory, the first argument, until it fails or is killed, and
   * prints a number, counting up, for each change that was acknowledged. The second argument is the
   * number to begin with, the third that of its mount.
   */
  readonly script: string;
  /** Whether it works in the same directory on all mounts. */
  readonly isShared?: true;
  /** @param place the number of the mount that it has worked on */
  verify(directory: string, acknowledged: readonly number[], place: number): Promise<Findings>;
}

const run = promisify(execFile);
const none: Findings = { lost: 0, doubled: 0, damaged: [] };

/** What of the acknowledged numbers is there how often. */
function compare(acknowledged: readonly number[], found: readonly number[]): Findings {
  const counts = new Map<number, number>();
  for (const number of found) counts.set(number, (counts.get(number) ?? 0) + 1);
  return {
    lost: acknowledged.filter((number) => !counts.has(number)).length,
    doubled: [...counts.values()].filter((count) => count > 1).length,
    damaged: [],
  };
}

const textOf = (number: number): string => `${number} ${crc32(String(number)).toString(16)}`;

/** A program for node, as an argument of sh. */
const node = (program: string): string =>
  `exec "$NODE" -e '${program.replace(/\n\s*/g, ' ')}' "$1" "$2"`;

const header = `
  const fs = require("node:fs"); const { crc32 } = require("node:zlib");
  process.chdir(process.argv[1]); let n = Number(process.argv[2]);
  const text = () => n + " " + crc32(String(n)).toString(16);`;

export const workloads: readonly Workload[] = [
  {
    name: 'append',
    programs: [],
    script: node(`${header}
      const log = fs.openSync("log", "a");
      for (;; n++) { fs.writeSync(log, text() + "\\n"); fs.writeSync(1, n + "\\n"); }`),
    async verify(directory, acknowledged) {
      const { stdout } = await run('cat', [`${directory}/log`], { maxBuffer: 2 ** 30 });
      const lines = stdout.split('\n').slice(0, -1);
      const damaged = lines.filter((line) => line !== textOf(Number.parseInt(line, 10)));
      const found = lines.map((line) => Number.parseInt(line, 10));
      return { ...compare(acknowledged, found), damaged };
    },
  },
  {
    name: 'rename',
    programs: [],
    script: node(`${header}
      for (;; n++) {
        const next = fs.openSync("next", "w");
        fs.writeSync(next, text()); fs.fsyncSync(next); fs.closeSync(next);
        fs.renameSync("next", "current"); fs.writeSync(1, n + "\\n");
      }`),
    async verify(directory, acknowledged) {
      const last = acknowledged.at(-1);
      if (last === undefined) return none;
      const { stdout } = await run('cat', [`${directory}/current`]);
      const found = Number.parseInt(stdout, 10);
      const damaged = stdout === textOf(found) ? [] : [stdout];
      return { lost: found >= last ? 0 : last - found, doubled: 0, damaged };
    },
  },
  {
    name: 'names',
    programs: [],
    // Each fails if what it does was done before.
    script: node(`${header}
      for (;; n++) {
        fs.mkdirSync("d" + n); fs.writeFileSync("d" + n + "/f", text(), { flag: "wx" });
        fs.linkSync("d" + n + "/f", "l" + n); fs.unlinkSync("d" + n + "/f");
        fs.renameSync("d" + n, "e" + n); fs.rmdirSync("e" + n); fs.writeSync(1, n + "\\n");
      }`),
    async verify(directory, acknowledged) {
      const { stdout } = await run('ls', [directory], { maxBuffer: 2 ** 30 });
      const names = stdout.split('\n');
      const links = names.filter((name) => name.startsWith('l')).map((name) => +name.slice(1));
      const left = names.filter((name) => /^[de]/.test(name)).map((name) => +name.slice(1));
      const done = new Set(acknowledged);
      const damaged = left.filter((number) => done.has(number)).map(String);
      return { ...compare(acknowledged, links), damaged };
    },
  },
  {
    name: 'git',
    programs: ['git'],
    script: `cd "$1"; n=$2
      [ ! -d .git ] || find .git -name '*.lock' -delete
      git --git-dir=.git rev-parse 2>/dev/null || { rm -rf .git; git init -q .; }
      export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a
      while :; do echo $n >file; git add file; git commit -q -m $n; echo $n; n=$((n + 1)); done`,
    async verify(directory, acknowledged) {
      if (acknowledged.length === 0) return none;
      const git = ['-C', directory, '-c', 'safe.directory=*'];
      await run('git', [...git, 'fsck', '--strict', '--no-dangling']);
      const { stdout } = await run('git', [...git, 'log', '--format=%s'], { maxBuffer: 2 ** 30 });
      return compare(acknowledged, stdout.trim().split('\n').map(Number));
    },
  },
  {
    name: 'sqlite',
    programs: ['sqlite3'],
    script: `cd "$1"; n=$2
      sqlite3 -cmd '.timeout 20000' db 'CREATE TABLE IF NOT EXISTS t (n INTEGER)'
      while :; do sqlite3 -cmd '.timeout 20000' db "INSERT INTO t VALUES ($n)"; echo $n; n=$((n + 1)); done`,
    async verify(directory, acknowledged) {
      if (acknowledged.length === 0) return none;
      const { stdout } = await run(
        'sqlite3',
        [`${directory}/db`, 'PRAGMA integrity_check', 'SELECT n FROM t'],
        { maxBuffer: 2 ** 30 },
      );
      const [integrity = '', ...rows] = stdout.trim().split('\n');
      return {
        ...compare(acknowledged, rows.map(Number)),
        damaged: integrity === 'ok' ? [] : [integrity],
      };
    },
  },
  {
    name: 'locks',
    programs: ['flock', 'tail'],
    isShared: true,
    // Who has the lock writes the next number into a log: both mounts together must count on without
    // a gap, and never twice.
    script: `cd "$1"; n=$2; while :; do
      flock lock sh -euc 'c=$(tail -n 1 log 2>/dev/null || :); echo $((\${c%% *} + 1)) $1 $2 >>log' sh $3 $n
      echo $n; n=$((n + 1)); done`,
    async verify(directory, acknowledged, place) {
      const { stdout } = await run('cat', [`${directory}/log`], { maxBuffer: 2 ** 30 });
      const lines = stdout.split('\n').slice(0, -1);
      const mine = lines
        .map((line) => line.split(' ').map(Number))
        .filter(([, at]) => at === place);
      const damaged = lines.filter((line, index) => Number.parseInt(line, 10) !== index + 1);
      return {
        ...compare(
          acknowledged,
          mine.map(([, , number]) => number as number),
        ),
        damaged,
      };
    },
  },
  {
    name: 'fio',
    programs: ['fio'],
    script: `cd "$1"; n=$2; while :; do
      fio --thread --name=verify --filename=file --size=1M --bs=4k --rw=randwrite --ioengine=psync \\
        --verify=crc32c --fsync=32 --randseed=$n --minimal >fio.log 2>&1; echo $n; n=$((n + 1)); done`,
    async verify() {
      // fio has read each file back and compared it before it was acknowledged.
      return none;
    },
  },
];
